import type { JsonObject } from "./json.ts";
import type { Keyword, Keywords } from "./keyword.ts";
import { ARRAYS, ARRAYS_OF_DRAFT_07 } from "./keywords/arrays.ts";
import { DEPENDENCIES } from "./keywords/dependencies.ts";
import { LOGIC } from "./keywords/logic.ts";
import { NUMBERS } from "./keywords/numbers.ts";
import { OBJECTS } from "./keywords/objects.ts";
import { REFERENCES, REFERENCES_OF_DRAFT_07 } from "./keywords/references.ts";
import { STRINGS } from "./keywords/strings.ts";
import { UNEVALUATED } from "./keywords/unevaluated.ts";
import { VALUES } from "./keywords/values.ts";
import { SchemaError } from "./schema-error.ts";

/** A version of JSON Schema: which keywords it knows, and what it means by them. */
export interface Dialect {
  /** In the order of evaluation. What is not in it is ignored: annotations such as `title` and `format`, and unknown names. */
  readonly keywords: ReadonlyMap<string, Keyword>;
  /** Whether `$ref` makes its neighbours be ignored (Core draft-07, 8.3), and `$id` may hold an anchor (8.2.3). */
  readonly isDraft07: boolean;
}

/** `dependencies` has replaced both keywords of 2020-12 in draft-07. */
const { dependencies } = DEPENDENCIES;

export const DRAFT_2020_12: Dialect = {
  keywords: keywordsOf(REFERENCES, VALUES, NUMBERS, STRINGS, OBJECTS, DEPENDENCIES, ARRAYS, LOGIC, UNEVALUATED),
  isDraft07: false,
};

const DRAFT_07: Dialect = {
  keywords: keywordsOf(
    REFERENCES_OF_DRAFT_07,
    VALUES,
    NUMBERS,
    STRINGS,
    OBJECTS,
    dependencies ? { dependencies } : {},
    ARRAYS_OF_DRAFT_07,
    LOGIC,
  ),
  isDraft07: true,
};

const BY_URI: ReadonlyMap<string, Dialect> = new Map([
  ["https://json-schema.org/draft/2020-12/schema", DRAFT_2020_12],
  ["http://json-schema.org/draft-07/schema", DRAFT_07],
  ["https://json-schema.org/draft-07/schema", DRAFT_07],
]);

/** The dialect that a URI names; an empty fragment changes nothing. */
export function dialectOf(uri: string): Dialect | undefined {
  return BY_URI.get(uri.replace(/#$/, ""));
}

/** The dialect that a schema is written in: the one it names, or that of what it stands in. */
export function dialectIn(schema: JsonObject, path: string, around: Dialect): Dialect {
  if (!Object.hasOwn(schema, "$schema")) return around;
  const dialect = typeof schema.$schema === "string" ? dialectOf(schema.$schema) : undefined;
  if (dialect) return dialect;
  const known = [...BY_URI.keys()].slice(0, 2).map((uri) => `"${uri}"`);
  throw new SchemaError(`${path}.$schema`, `must be ${known.join(" or ")}: other dialects are not known`);
}

function keywordsOf(...families: readonly Keywords[]): ReadonlyMap<string, Keyword> {
  return new Map(families.flatMap((family) => Object.entries(family)));
}
