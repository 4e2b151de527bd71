import type { Evaluation } from "./evaluation.ts";
import { isOfType, type JsonObject, TYPES, type TypeName, typeOf } from "./json.ts";
import type { Place } from "./path.ts";
import type { SchemaNode } from "./schema-node.ts";
import { typePhrase } from "./type-phrase.ts";

/** How many references are followed to find a type. */
const MAX_HOPS = 8;

/**
 * Tells why a value matches none of some alternatives: what the only one that is meant for its type asks, or that its type is
 * none of theirs. Always `false`.
 */
export function explainAlternatives(
  nodes: readonly SchemaNode[],
  value: unknown,
  place: Place,
  run: Evaluation,
): false {
  if (run.quiet) return false;
  const types = nodes.map(allowedTypes);
  if (types.every((allowed) => allowed !== undefined)) {
    const meant = nodes.filter((_, at) => types[at]?.some((type) => isOfType(value, type)));
    if (meant.length === 0) return run.fails(place, () => `must be ${typePhrase([...new Set(types.flat())])}`);
    const [only, another] = meant;
    if (only && !another && !run.holds(only, value, place)) return false;
  }
  return run.fails(place, () => `must match one of ${nodes.length} alternatives`);
}

/** The types that a schema allows by itself or through what it refers to; `undefined` where it does not say. */
function allowedTypes(node: SchemaNode): readonly TypeName[] | undefined {
  let at: SchemaNode | undefined = node;
  for (let hops = 0; at && hops < MAX_HOPS; hops++) {
    if (at.types) return at.types;
    at = at.target;
  }
  return undefined;
}

/** The types that a schema names, or those of the values that it lists. */
export function declaredTypes({ type, enum: values, const: only }: JsonObject): readonly TypeName[] | undefined {
  const named = Array.isArray(type) ? type : [type];
  if (type !== undefined) return TYPES.filter((name) => named.includes(name));
  const listed = Array.isArray(values) ? values : only === undefined ? undefined : [only];
  return listed && [...new Set(listed.map(typeOf))];
}
