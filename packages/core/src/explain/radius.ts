import type { Entry } from "./entry.ts";
import type { NearbyReport } from "./nearby.ts";
import { count, counted } from "./numbers.ts";

/**
 * How far a failure reaches. `scattered`: over several callers, models and providers, and most of their calls are well.
 * `unclear`: too few others failed like it.
 */
export interface Radius {
  readonly reach: "call" | "caller" | "model" | "provider" | "scattered" | "everything" | "unclear";
  readonly text: string;
}

/** What share of the failures has to be within a scope for it to be the scope of the failure: a few others are chance. */
const MOST_OF = 0.9;
/** How many others have to have ended like it: one or two have something in common by chance. */
const ENOUGH = 3;
/** From what share of all calls on a failure is everywhere. */
const HALF = 0.5;

/**
 * How far a failure reaches: the narrowest scope that holds nearly all failures like it, where calls outside of it show
 * that those are well.
 */
export function radiusOf(entry: Pick<Entry, "caller" | "model" | "provider">, { scopes, well }: NearbyReport): Radius {
  const { calls, same, completed, callers } = scopes.everything;
  if (same === 0) {
    return { reach: "call", text: `Only this call: no other one ended like it, and ${count(completed)} completed.` };
  }
  if (same < ENOUGH) {
    const ended = same === 1 ? "one other call" : `${count(same)} other calls`;
    return { reach: "unclear", text: `Too few to tell: ${ended} ended like it, and ${count(completed)} completed.` };
  }
  const like = `${counted(same, "other call")} that ended like it`;
  for (const reach of ["caller", "model", "provider"] as const) {
    const inside = scopes[reach].same;
    if (inside < MOST_OF * same || well[reach] === 0) continue;
    const whose = inside === same ? `all ${like}` : `${count(inside)} of ${like}`;
    const others = `${counted(well[reach], "call")} of other ${reach}s${within(reach, entry)} completed`;
    return { reach, text: `This ${reach}, ${entry[reach]}: ${whose}, while ${others}.` };
  }
  const who = callers.more ? `more than ${counted(callers.count, "caller")}` : counted(callers.count, "caller");
  if (same >= HALF * calls) {
    return {
      reach: "everything",
      text: `Everything: ${count(same)} of ${counted(calls, "other call")} ended like it, of ${who}.`,
    };
  }
  const text = `Scattered: ${like}, of ${who}, while ${count(completed)} completed. No caller, model or provider stands out.`;
  return { reach: "scattered", text };
}

function within(
  reach: "caller" | "model" | "provider",
  { model, provider }: Pick<Entry, "model" | "provider">,
): string {
  if (reach === "caller") return model === undefined ? "" : " with its model";
  return reach === "model" && provider !== undefined ? " of its provider" : "";
}
