import { type Keyword, type Keywords, keyword, passive } from "../keyword.ts";
import { narrowed, schemaMap, text } from "../shape.ts";

const anchor = narrowed(text, "a name of letters, digits, `-`, `_` and `.`", (name) =>
  /^[A-Za-z_][-A-Za-z0-9._]*$/.test(name),
);
const identifier = narrowed(text, "a URI without a fragment", (uri) => /^[^#]*#?$/.test(uri));

const $ref: Keyword = keyword(text, (uri, context) => {
  const node = context.reference(uri);
  return (value, place, run, evaluated) => run.holds(node, value, place, evaluated);
});

const COMMON: Keywords = { $schema: passive(text), $defs: passive(schemaMap), definitions: passive(schemaMap), $ref };

/** Keywords that name schemas and refer to them (JSON Schema Core 2020-12, 8). */
export const REFERENCES: Keywords = {
  ...COMMON,
  $id: passive(identifier),
  $anchor: passive(anchor),
  $dynamicAnchor: passive(anchor),
  $dynamicRef: keyword(text, (uri, context) => {
    const { node, name } = context.dynamicReference(uri);
    return (value, place, run, evaluated) => {
      const target = name === undefined ? undefined : run.dynamicTarget(name);
      return run.holds(target ?? node, value, place, evaluated);
    };
  }),
};

/** The same of draft-07 (JSON Schema Core draft-07, 8). An `$id` may be an anchor there. */
export const REFERENCES_OF_DRAFT_07: Keywords = { ...COMMON, $id: passive(text) };
