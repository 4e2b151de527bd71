/** The repaired text: what is final, and what waits until the next value begins, such as a comma and a key. */
export class Output {
  #final = "";
  #pending = "";
  #holding = false;
  readonly fixes: Set<string> = new Set<string>();

  write(text: string): void {
    if (this.#holding) this.#pending += text;
    else this.#final += text;
  }

  /** From here on, what is written waits. */
  hold(): void {
    this.#holding = true;
  }

  /** What waits is part of the text. */
  release(): void {
    this.#final += this.#pending;
    this.#pending = "";
    this.#holding = false;
  }

  /** What waits is a comma that is not part of the text, or spaces, or both. */
  drop(): void {
    if (this.hasComma) this.#pending = this.#pending.slice(1);
    this.release();
  }

  /** Nothing that waits is part of the text. */
  forget(): void {
    this.#pending = "";
    this.#holding = false;
  }

  get hasComma(): boolean {
    return this.#pending.startsWith(",");
  }

  get pending(): string {
    return this.#pending;
  }

  /** Takes what is final. */
  take(): string {
    const taken = this.#final;
    this.#final = "";
    return taken;
  }
}
