/** How many names have a group of their own where nothing else is said. */
const MOST = 1000;

/** What comes after so many names goes into this one. */
export const OTHERS = "(others)";

/** Something for each name of a log, made on first use. Bounded: after `most` names (default 1,000) the others share one. */
export class Groups<Group> {
  readonly #groups = new Map<string, Group>();
  readonly #make: () => Group;
  readonly #most: number;

  constructor(make: () => Group, most: number = MOST) {
    this.#make = make;
    this.#most = most;
  }

  of(name: string): Group {
    const known = this.#groups.get(name);
    if (known !== undefined) return known;
    if (this.#groups.size >= this.#most && name !== OTHERS) return this.of(OTHERS);
    const group = this.#make();
    this.#groups.set(name, group);
    return group;
  }

  /** All of them, those of the highest rank first. */
  ranked(rank: (group: Group) => number): [name: string, group: Group][] {
    return [...this.#groups].sort(([a, one], [b, other]) => rank(other) - rank(one) || (a < b ? -1 : 1));
  }
}
