import { Evaluated } from "./evaluated.ts";
import { type Fuel, OutOfFuel } from "./fuel.ts";
import { type Place, pathOf } from "./path.ts";
import type { DynamicAnchors, SchemaNode } from "./schema-node.ts";

/** One way in which a value does not match. The message goes on where the path ends, and holds nothing of the value. */
export interface Mismatch {
  /** In the style of code: `.items[2].price`; `""` for the whole value. A property that the schema does not name is `[…]`. */
  readonly path: string;
  readonly message: string;
}

/** How many mismatches are told. Who reads them, a model or a person, mends these first. */
const MAX_MISMATCHES = 20;
/** How many schemas may be open within each other: less than half of what the stack takes. A level of a value takes some three. */
const MAX_DEPTH = 600;

/** Thrown once there are as many mismatches as are told: the value does not match, whatever comes. */
export class Enough extends Error {}

/** One check of one value: what it has found, what it may still cost, and which schemas are open. */
export class Evaluation {
  readonly fuel: Fuel;
  readonly mismatches: Mismatch[] = [];
  /** The anchors of the resources whose schemas are open, outermost first (the dynamic scope: Core 2020-12, 7.1). */
  readonly #scope: DynamicAnchors[] = [];
  #depth = 0;
  #quiet = false;

  constructor(value: unknown, fuel: Fuel) {
    this.fuel = fuel;
    fuel.begin(value);
  }

  /** Whether a value matches a schema; what does not is told, unless all is quiet. */
  holds(node: SchemaNode, value: unknown, place: Place, evaluated?: Evaluated): boolean {
    this.fuel.spend(1);
    if (++this.#depth > MAX_DEPTH) throw new OutOfFuel();
    const { anchors } = node;
    const entered = anchors !== undefined && anchors !== this.#scope.at(-1);
    if (entered) this.#scope.push(anchors);
    const holds = this.#checksHold(node, value, place, evaluated);
    if (entered) this.#scope.pop();
    this.#depth--;
    return holds;
  }

  #checksHold(node: SchemaNode, value: unknown, place: Place, evaluated: Evaluated | undefined): boolean {
    // `unevaluated…` of a schema sees what that schema looked at, and nothing of what stands around it.
    const own = node.lateChecks.length > 0 ? new Evaluated() : evaluated;
    let holds = true;
    for (const check of node.checks) {
      this.fuel.spend(1);
      if (!check(value, place, this, own)) holds = false;
      if (!holds && this.#quiet) return false;
    }
    if (!holds) return false;
    for (const check of node.lateChecks) if (!check(value, place, this, own)) holds = false;
    if (holds && evaluated && own && own !== evaluated) evaluated.include(own, this.fuel);
    return holds;
  }

  /** Whether a value matches a schema that it need not match. */
  quietly(node: SchemaNode, value: unknown, place: Place, evaluated?: Evaluated): boolean {
    const wasQuiet = this.#quiet;
    this.#quiet = true;
    const own = evaluated && new Evaluated();
    const holds = this.holds(node, value, place, own);
    this.#quiet = wasQuiet;
    if (holds && own) evaluated.include(own, this.fuel);
    return holds;
  }

  /** Tells a mismatch at a place, or further in, unless all is quiet. Always `false`, so that it is what a check answers. */
  fails(place: Place, message: () => string, further = ""): false {
    if (this.#quiet) return false;
    this.mismatches.push({ path: pathOf(place) + further, message: message() });
    if (this.mismatches.length >= MAX_MISMATCHES) throw new Enough();
    return false;
  }

  /** Whether mismatches are not told at present. */
  get quiet(): boolean {
    return this.#quiet;
  }

  /** What a name means to `$dynamicRef`: the anchor of the outermost resource that has it (Core 2020-12, 8.2.3.2). */
  dynamicTarget(name: string): SchemaNode | undefined {
    for (const anchors of this.#scope) {
      this.fuel.spend(1);
      const target = anchors.get(name);
      if (target) return target;
    }
    return undefined;
  }
}
