import type { Fuel } from "./fuel.ts";

/**
 * The properties and items of one value that a keyword has looked at, for `unevaluatedProperties` and `unevaluatedItems`
 * (JSON Schema Core 2020-12, 11).
 */
export class Evaluated {
  readonly #properties = new Set<string>();
  readonly #items = new Set<number>();
  /** All items before this one. */
  #itemsBefore = 0;

  property(name: string): void {
    this.#properties.add(name);
  }

  item(index: number): void {
    this.#items.add(index);
  }

  itemsBefore(end: number): void {
    this.#itemsBefore = Math.max(this.#itemsBefore, end);
  }

  hasProperty(name: string): boolean {
    return this.#properties.has(name);
  }

  hasItem(index: number): boolean {
    return index < this.#itemsBefore || this.#items.has(index);
  }

  /** Takes over what a schema at the same place has looked at, which counts only where that schema holds. */
  include(other: Evaluated, fuel: Fuel): void {
    fuel.spend(other.#properties.size + other.#items.size);
    for (const name of other.#properties) this.#properties.add(name);
    for (const index of other.#items) this.#items.add(index);
    this.itemsBefore(other.#itemsBefore);
  }
}
