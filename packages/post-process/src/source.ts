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

  add(piece: string): void {
    this.#text = this.#text.slice(this.#at) + (this.#unwrapper?.push(piece) ?? piece);
    this.#at = 0;
  }

  end(): void {
    this.add(this.#unwrapper?.end() ?? "");
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

  /** What matches a sticky pattern at the head; throws `MORE` where it may go on in the next piece. Takes nothing. */
  run(pattern: RegExp): string {
    pattern.lastIndex = this.#at;
    const found = pattern.exec(this.#text)?.[0] ?? "";
    if (this.#at + found.length === this.#text.length && !this.#ended) throw MORE;
    return found;
  }

  take(length: number): string {
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
    this.#unwrapper = new Unwrapper(encoding);
    this.#text = this.#unwrapper.push(rest) + (this.#ended ? this.#unwrapper.end() : "");
    this.#at = 0;
  }
}
