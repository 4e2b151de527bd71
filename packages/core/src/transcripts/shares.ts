/** How many of something are in use, together and by each owner, with a limit to both. */
export class Shares {
  readonly #most: number;
  readonly #mostEach: number;
  readonly #used = new Map<string, number>();
  #total = 0;

  constructor(most: number, mostEach: number) {
    this.#most = most;
    this.#mostEach = mostEach;
  }

  /** Whether one more may be taken. Those of nobody (`undefined`) have the limit of all alone. */
  hasRoom(owner: string | undefined): boolean {
    return this.#total < this.#most && (owner === undefined || (this.#used.get(owner) ?? 0) < this.#mostEach);
  }

  /** Takes one. Each is to be given back once. */
  take(owner: string | undefined): void {
    this.#add(owner, 1);
  }

  giveBack(owner: string | undefined): void {
    this.#add(owner, -1);
  }

  #add(owner: string | undefined, change: number): void {
    this.#total += change;
    if (owner === undefined) return;
    const used = (this.#used.get(owner) ?? 0) + change;
    if (used > 0) this.#used.set(owner, used);
    else this.#used.delete(owner);
  }
}
