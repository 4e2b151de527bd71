/** JSON that stands in a string with its quotes unescaped, such as `"{"a": 1}"`: it ends with its last bracket. */
export class NestedText {
  #depth: number;
  /** Whether it is within a string of its own. It begins at the first quote. */
  #quoted = false;

  constructor(depth: number) {
    this.#depth = depth;
  }

  /** The beginning of a string in which JSON is nested if a quote follows; undefined where it is none. */
  static begin(head: string): NestedText | undefined {
    if (!/^\s*[[{][\s[{]*$/.test(head)) return undefined;
    return new NestedText(head.replace(/\s/g, "").length);
  }

  /** Sees what is next of it. Answers whether it goes on behind that. */
  see(text: string, isQuote: boolean): boolean {
    if (isQuote) this.#quoted = !this.#quoted;
    else if (!this.#quoted)
      for (const char of text) this.#depth += "{[".includes(char) ? 1 : "}]".includes(char) ? -1 : 0;
    return this.#depth > 0;
  }
}
