import { type Encoding, Unwrapper } from "./encoded.ts";

/** Thrown where a step reads beyond what has arrived: it has changed nothing, and is taken again with more. */
export const MORE: unique symbol = Symbol("more text is needed");

/**
 * The text that has arrived and is not yet dealt with. What a step decides depends only on characters it has read through
 * `at`, so that it does not matter into which pieces the text was split.
 */
export class Source {
  #text = "";
  #at = 0;
  #ended = false;
  #unwrapper: Unwrapper | undefined;
  /** How far each pattern is known to match at the head, so that with the next piece it is not looked at again. */
  readonly #matched = new Map<RegExp, number>();
  /** The run that goes on to the end of what has arrived, and what goes on with it: joined with each piece it would be slow. */
  #running: { readonly pattern: RegExp; readonly most: number; length: number } | undefined;
  readonly #more: string[] = [];

  /** Takes a piece. Answers whether it changes anything: one that only goes on with a run of characters does not. */
  add(piece: string): boolean {
    const text = this.#unwrapper?.push(piece) ?? piece;
    const running = this.#running;
    if (running) {
      running.pattern.lastIndex = 0;
      const length = running.pattern.exec(text)?.[0].length ?? 0;
      if (length === text.length && running.length + length <= running.most) {
        running.length += length;
        this.#more.push(text);
        return false;
      }
    }
    this.#join(text);
    return true;
  }

  end(): void {
    this.#join(this.#unwrapper?.end() ?? "");
    this.#unwrapper = undefined;
    this.#ended = true;
  }

  get ended(): boolean {
    return this.#ended;
  }

  /** The character so many places on; empty beyond the end of the text. Throws `MORE` where it has not arrived. */
  at(offset: number): string {
    const char = this.#text.charAt(this.#at + offset);
    if (char === "" && !this.#ended) throw MORE;
    return char;
  }

  /** Whether the text goes on like this. */
  has(word: string): boolean {
    for (let offset = 0; offset < word.length; offset++) if (this.at(offset) !== word[offset]) return false;
    return true;
  }

  /**
   * How many characters of a kind come at the head, as a sticky pattern of that kind says; throws `MORE` where they may go on
   * in the next piece. Takes nothing. Where there are more than `most`, how many is not said.
   */
  run(pattern: RegExp, most: number = Number.POSITIVE_INFINITY): number {
    const known = this.#matched.get(pattern) ?? 0;
    pattern.lastIndex = this.#at + known;
    const length = known + (pattern.exec(this.#text)?.[0].length ?? 0);
    if (length > most || this.#at + length < this.#text.length || this.#ended) return length;
    this.#running = { pattern, most, length };
    throw MORE;
  }

  #join(text: string): void {
    this.#text = this.#text.slice(this.#at) + this.#more.join("") + text;
    this.#at = 0;
    this.#more.length = 0;
    if (this.#running) this.#matched.set(this.#running.pattern, this.#running.length);
    this.#running = undefined;
  }

  /** The first characters. They have arrived. */
  look(length: number): string {
    return this.#text.slice(this.#at, this.#at + length);
  }

  take(length: number): string {
    if (this.#matched.size > 0) this.#matched.clear();
    const taken = this.#text.slice(this.#at, this.#at + length);
    this.#at += length;
    return taken;
  }

  /** Takes what of a sticky pattern has arrived; it may go on in the next piece. */
  takeRun(pattern: RegExp): string {
    pattern.lastIndex = this.#at;
    return this.take(pattern.exec(this.#text)?.[0].length ?? 0);
  }

  /** All that has arrived and is not dealt with. */
  get rest(): string {
    return this.#text.slice(this.#at);
  }

  get waiting(): number {
    return this.#text.length - this.#at;
  }

  /** Takes one layer of encoding off all that follows. */
  unwrap(encoding: Encoding): void {
    const rest = this.rest;
    this.#matched.clear();
    this.#unwrapper = new Unwrapper(encoding);
    this.#text = this.#unwrapper.push(rest) + (this.#ended ? this.#unwrapper.end() : "");
    this.#at = 0;
  }
}
