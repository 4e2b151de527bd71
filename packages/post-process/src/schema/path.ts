import { shortened } from "./shortened.ts";

/** In place of a property's name that no schema gives: then it may be anything that a model has said. */
export const UNNAMED: unique symbol = Symbol("a property that the schema does not name");

/** How that is written. */
export const UNNAMED_STEP = "[…]";

/** Where a value stands in the one that is checked. A list of links, since most places are never written out. */
export interface Place {
  readonly within: Place | undefined;
  readonly name: string | number | typeof UNNAMED;
}

/** The whole value. */
export const WHOLE: Place = { within: undefined, name: "" };

const IDENTIFIER = /^[\p{ID_Start}$_][\p{ID_Continue}$]*$/u;
const MAX_NAME_CHARS = 64;
/** Names come from callers, and from callers and models how deep they are nested. */
const MAX_PATH_CHARS = 1024;

/** One step of a path, in the style of code: `.name`, `[0]`, `["a name"]`, or `[…]`. Long names are cut. */
export function step(name: Place["name"]): string {
  if (name === UNNAMED) return UNNAMED_STEP;
  if (typeof name === "number") return `[${name}]`;
  const short = shortened(name, MAX_NAME_CHARS);
  return IDENTIFIER.test(short) ? `.${short}` : `[${JSON.stringify(short)}]`;
}

/** The path of a place, from the whole value on. */
export function pathOf(place: Place): string {
  const names: Place["name"][] = [];
  for (let at = place; at.within; at = at.within) names.push(at.name);
  return shortened(names.reverse().map(step).join(""), MAX_PATH_CHARS);
}
