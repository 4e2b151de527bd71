import { ValueSet } from "../equality.ts";
import type { Schema } from "../json.ts";
import { type Keyword, type KeywordContext, type Keywords, keyword, passive } from "../keyword.ts";
import type { Check } from "../schema-node.ts";
import { boolean, count, either, type Shape, schema, schemaList } from "../shape.ts";

/** Keywords for arrays that all dialects know (JSON Schema Validation 2020-12, 6.4). */
const COMMON: Keywords = {
  maxItems: length("at most", (items, limit) => items <= limit),
  minItems: length("at least", (items, limit) => items >= limit),
  uniqueItems: keyword(boolean, (unique) => (unique ? itemsDiffer : undefined)),
};

/** Keywords for arrays of 2020-12 (Core, 10.3.1). */
export const ARRAYS: Keywords = {
  ...COMMON,
  prefixItems: keyword(schemaList, firstItems),
  items: keyword(schema, (rest, context) =>
    itemsFrom(context.sibling("prefixItems", schemaList)?.length ?? 0, rest, context),
  ),
  contains: keyword(schema, (wanted, context) =>
    contains(wanted, context.sibling("minContains", count) ?? 1, context.sibling("maxContains", count), context),
  ),
  minContains: passive(count),
  maxContains: passive(count),
};

/** `items` of draft-07 is what `prefixItems` and `items` are today. */
const schemaOrSchemas: Shape<{ readonly first: readonly Schema[] } | { readonly second: Schema }> = either(
  Array.isArray,
  schemaList,
  schema,
);

/** Keywords for arrays of draft-07 (JSON Schema Validation draft-07, 6.4). */
export const ARRAYS_OF_DRAFT_07: Keywords = {
  ...COMMON,
  items: keyword(schemaOrSchemas, (items, context) =>
    "first" in items ? firstItems(items.first, context) : itemsFrom(0, items.second, context),
  ),
  additionalItems: keyword(schema, (rest, context) => {
    const items = context.sibling("items", schemaOrSchemas);
    // Without a list of schemas before it, it means nothing.
    return items && "first" in items ? itemsFrom(items.first.length, rest, context) : undefined;
  }),
  contains: keyword(schema, (wanted, context) => contains(wanted, 1, undefined, context)),
};

function length(words: string, holds: (items: number, limit: number) => boolean): Keyword {
  return keyword(
    count,
    (limit) => (value, place, run) =>
      !Array.isArray(value) ||
      holds(value.length, limit) ||
      run.fails(place, () => `must have ${words} ${limit} item${limit === 1 ? "" : "s"}`),
  );
}

const itemsDiffer: Check = (value, place, run) => {
  if (!Array.isArray(value)) return true;
  const earlier = new ValueSet();
  let differ = true;
  for (const [at, item] of value.entries()) {
    run.fuel.spend(1);
    if (earlier.add(item, run.fuel)) continue;
    differ = run.fails({ within: place, name: at }, () => "must differ from the items before it");
    if (run.quiet) break;
  }
  return differ;
};

function firstItems(schemas: readonly Schema[], context: KeywordContext): Check {
  const nodes = context.nodes(schemas);
  return (value, place, run, evaluated) => {
    if (!Array.isArray(value)) return true;
    let holds = true;
    for (const [at, node] of nodes.entries()) {
      if (at >= value.length || (!holds && run.quiet)) break;
      if (!run.holds(node, value[at], { within: place, name: at })) holds = false;
    }
    evaluated?.itemsBefore(nodes.length);
    return holds;
  };
}

function itemsFrom(start: number, rest: Schema, context: KeywordContext): Check {
  const node = context.node(rest);
  return (value, place, run, evaluated) => {
    if (!Array.isArray(value)) return true;
    let holds = true;
    for (let at = start; at < value.length; at++) {
      if (!run.holds(node, value[at], { within: place, name: at })) holds = false;
      if (!holds && run.quiet) break;
    }
    evaluated?.itemsBefore(value.length);
    return holds;
  };
}

function contains(wanted: Schema, least: number, most: number | undefined, context: KeywordContext): Check {
  const node = context.node(wanted);
  const words = most === undefined ? `${least} or more` : `from ${least} to ${most}`;
  return (value, place, run, evaluated) => {
    if (!Array.isArray(value)) return true;
    let found = 0;
    for (const [at, item] of value.entries()) {
      if (!run.quietly(node, item, { within: place, name: at })) continue;
      found++;
      evaluated?.item(at);
    }
    if (found >= least && found <= (most ?? found)) return true;
    return run.fails(place, () => `must have ${words} items as \`contains\` describes them`);
  };
}
