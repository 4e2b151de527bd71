import assert from "node:assert/strict";
import { compileSchema } from "../schema/compiled-schema.ts";

/** The cases of a table: a schema, a value, and the paths of what does not match. A line without a schema has the one above. */
export function* casesOf(
  table: string,
): Generator<readonly [schema: unknown, value: unknown, paths: readonly string[]]> {
  let schema: unknown;
  for (const line of table.trim().split("\n")) {
    const [given = "", value = "", paths] = line.split(" | ");
    if (given.trim() !== "") schema = JSON.parse(given);
    yield [schema, JSON.parse(value), paths?.split(" & ").map((path) => path.replace("(whole)", "")) ?? []];
  }
}

/** Asserts which paths of a value do not match a schema, and that each is told in words. */
export function check(schema: unknown, value: unknown, paths: readonly string[]): void {
  const found = compileSchema(schema).check(value);
  const told = found.map(({ path }) => path);
  assert.deepEqual(told, paths, JSON.stringify({ schema, value, found }));
  for (const { message } of found) assert.match(message, /^must /);
}
