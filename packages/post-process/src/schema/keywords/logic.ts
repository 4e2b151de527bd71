import { explainAlternatives } from "../alternatives.ts";
import { type Keywords, keyword, passive } from "../keyword.ts";
import { schema, schemaList } from "../shape.ts";

/** Keywords that combine schemas for one value (JSON Schema Core 2020-12, 10.2.1 and 10.2.2). */
export const LOGIC: Keywords = {
  allOf: keyword(schemaList, (schemas, context) => {
    const nodes = context.nodes(schemas);
    return (value, place, run, evaluated) => {
      let holds = true;
      for (const node of nodes) {
        if (!run.holds(node, value, place, evaluated)) holds = false;
        if (!holds && run.quiet) break;
      }
      return holds;
    };
  }),
  anyOf: keyword(schemaList, (schemas, context) => {
    const nodes = context.nodes(schemas);
    return (value, place, run, evaluated) => {
      let holds = false;
      for (const node of nodes) {
        if (run.quietly(node, value, place, evaluated)) holds = true;
        // The others may have looked at more, which only `unevaluated…` asks about.
        if (holds && !evaluated) break;
      }
      return holds || explainAlternatives(nodes, value, place, run);
    };
  }),
  oneOf: keyword(schemaList, (schemas, context) => {
    const nodes = context.nodes(schemas);
    return (value, place, run, evaluated) => {
      let matching = 0;
      for (const node of nodes) if (run.quietly(node, value, place, evaluated) && ++matching > 1) break;
      if (matching === 0) return explainAlternatives(nodes, value, place, run);
      return (
        matching === 1 || run.fails(place, () => `must match only one of ${nodes.length} alternatives, not several`)
      );
    };
  }),
  not: keyword(schema, (excluded, context) => {
    const node = context.node(excluded);
    return (value, place, run) =>
      !run.quietly(node, value, place) || run.fails(place, () => "must not be what the schema under `not` describes");
  }),
  if: keyword(schema, (condition, context) => {
    const node = context.node(condition);
    const then = context.node(context.sibling("then", schema) ?? true);
    const otherwise = context.node(context.sibling("else", schema) ?? true);
    return (value, place, run, evaluated) => {
      const branch = run.quietly(node, value, place, evaluated) ? then : otherwise;
      return run.holds(branch, value, place, evaluated);
    };
  }),
  // biome-ignore lint/suspicious/noThenProperty: the name of a keyword
  then: passive(schema),
  else: passive(schema),
};
