import type { TypeName } from "./json.ts";

const PHRASES: Readonly<Record<TypeName, string>> = {
  null: "null",
  boolean: "true or false",
  object: "an object",
  array: "an array",
  number: "a number",
  string: "a string",
  integer: "a whole number",
};

/** Types in a sentence, such as `a string or null`. */
export function typePhrase(types: readonly TypeName[]): string {
  return types.map((type) => PHRASES[type]).join(" or ");
}
