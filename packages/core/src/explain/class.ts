import { codes, type Layer } from "../codes.ts";
import type { CallRecord } from "../records/record.ts";

/** What became of a call, in one word: the part of the work that failed, or one of the ends that are no failure. */
export type Class = Layer | "canceled" | "completed" | "unknown";

/** What the table of codes says of a code; `undefined` for one that it does not hold. */
export function factsOf(code: string | undefined): (typeof codes)[keyof typeof codes] | undefined {
  return code !== undefined && isCode(code) ? codes[code] : undefined;
}

function isCode(code: string): code is keyof typeof codes {
  return Object.hasOwn(codes, code);
}

const LAYERS: ReadonlySet<unknown> = new Set(Object.values(codes).map(({ layer }) => layer));

function isLayer(layer: unknown): layer is Layer {
  return LAYERS.has(layer);
}

/** The class of a call. `layer` is what its error says. */
export function classOf(outcome: CallRecord["outcome"], code: string | undefined, layer: unknown): Class {
  if (outcome === "completed" || outcome === "canceled") return outcome;
  if (code === "llm.canceled") return "canceled";
  return isLayer(layer) ? layer : (factsOf(code)?.layer ?? "unknown");
}
