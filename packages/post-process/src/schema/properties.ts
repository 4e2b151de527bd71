import type { Evaluation } from "./evaluation.ts";
import { isObject } from "./json.ts";
import type { KeywordContext } from "./keyword.ts";
import { type Place, UNNAMED } from "./path.ts";
import { schemaMap, uniqueNames } from "./shape.ts";

/** What looking at a property takes, in steps: they are all made into a list, however few are looked at. */
const FUEL_PER_NAME = 2;
/** The same where there are many: an object is a hash table then, whose names are put in order first. */
const FUEL_PER_NAME_OF_MANY = 5;
const MANY = 1000;

/** The names of an object's properties. All are paid for. */
export function namesOf(value: object, run: Evaluation): readonly string[] {
  const names = Object.keys(value);
  run.fuel.spend((names.length > MANY ? FUEL_PER_NAME_OF_MANY : FUEL_PER_NAME) * names.length);
  return names;
}

/** Whether something holds for each property of a value; it does of one that is no object. Where all is quiet, the first failure ends it. */
export function eachProperty(
  value: unknown,
  run: Evaluation,
  holds: (name: string, property: unknown) => boolean,
): boolean {
  if (!isObject(value)) return true;
  let all = true;
  for (const name of namesOf(value, run)) {
    if (!holds(name, value[name])) all = false;
    if (!all && run.quiet) break;
  }
  return all;
}

/** Answers where a property stands: under its name only where a schema gives that, since any other is a text of the model's. */
export type PlaceOf = (name: string, within: Place) => Place;

/** For a keyword that looks at properties of any name. */
export function placeOf(context: KeywordContext): PlaceOf {
  const properties = context.sibling("properties", schemaMap)?.keys() ?? [];
  const named = new Set([...properties, ...(context.sibling("required", uniqueNames) ?? [])]);
  return (name, within) => ({ within, name: named.has(name) ? name : UNNAMED });
}
