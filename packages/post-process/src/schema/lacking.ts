import type { Evaluation } from "./evaluation.ts";
import type { JsonObject } from "./json.ts";
import type { Place } from "./path.ts";
import { quoted } from "./shortened.ts";

/** Whether an object lacks any of some properties. Each that it lacks is told. */
export function lacking(names: readonly string[], value: JsonObject, place: Place, run: Evaluation): boolean {
  run.fuel.spend(names.length);
  const missing = names.filter((name) => !Object.hasOwn(value, name));
  for (const name of missing) run.fails(place, () => `must have the property ${quoted(name)}`);
  return missing.length > 0;
}
