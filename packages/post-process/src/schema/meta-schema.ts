import type { Dialect } from "./dialect.ts";
import type { Evaluation } from "./evaluation.ts";
import { isObject, isSchema, type JsonObject } from "./json.ts";
import { type Place, step, UNNAMED_STEP } from "./path.ts";
import { namesOf } from "./properties.ts";
import { SchemaError } from "./schema-error.ts";
import { type Check, SchemaNode } from "./schema-node.ts";
import type { Subschema } from "./shape.ts";

/** What an error takes to make, in steps. */
const ERROR_FUEL = 100;

/**
 * What the meta-schema of a dialect asks of a value: to be a schema. The shapes of our keywords tell that, which is nearly what the
 * published documents say; annotations, which we do not know, may be anything.
 */
export function metaSchema(dialect: Dialect): SchemaNode {
  const check: Check = (value, place, run) => {
    if (isSchema(value)) return isUsable({ schema: value, path: "" }, dialect, place, run);
    return run.fails(place, () => "must be a schema: an object, true or false");
  };
  return new SchemaNode([check]);
}

function isUsable({ schema, path }: Subschema, dialect: Dialect, place: Place, run: Evaluation): boolean {
  run.fuel.spend(1);
  if (!isObject(schema)) return true;
  let usable = true;
  for (const name of namesOf(schema, run)) {
    run.fuel.spend(1 + width(schema[name]));
    const inner = subschemas(schema, name, path, dialect, place, run);
    if (!inner?.every((subschema) => isUsable(subschema, dialect, place, run))) usable = false;
    if (!usable && run.quiet) break;
  }
  return usable;
}

function subschemas(
  schema: JsonObject,
  name: string,
  path: string,
  { keywords }: Dialect,
  place: Place,
  run: Evaluation,
): readonly Subschema[] | undefined {
  const at = path + step(name);
  try {
    const found = keywords.get(name)?.subschemas(schema[name], at) ?? [];
    return found.map((inner) => ({ schema: inner.schema, path: withoutNames(inner.path, at) }));
  } catch (thrown) {
    if (!(thrown instanceof SchemaError)) throw thrown;
    run.fuel.spend(ERROR_FUEL);
    run.fails(place, () => thrown.message, withoutNames(thrown.path, at));
    return undefined;
  }
}

/** The path of something within a keyword at another path: a step that is no index is a name that the value gives. */
function withoutNames(path: string, keyword: string): string {
  const further = path.slice(keyword.length);
  return keyword + (/^(?:\[\d+\])?$/.test(further) ? further : UNNAMED_STEP);
}

/** What looking at the value of a keyword takes, without what is within its parts. */
function width(value: unknown): number {
  if (typeof value === "string") return value.length >> 5;
  return Array.isArray(value) ? value.length : isObject(value) ? Object.keys(value).length : 0;
}
