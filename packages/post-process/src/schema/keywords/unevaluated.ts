import { type Keywords, keyword } from "../keyword.ts";
import { eachProperty, placeOf } from "../properties.ts";
import { schema } from "../shape.ts";

/** Keywords for what no other keyword has looked at (JSON Schema Core 2020-12, 11). */
export const UNEVALUATED: Keywords = {
  unevaluatedItems: keyword(
    schema,
    (rest, context) => {
      const node = context.node(rest);
      return (value, place, run, evaluated) => {
        if (!Array.isArray(value)) return true;
        let holds = true;
        for (const [at, item] of value.entries()) {
          run.fuel.spend(1);
          if (evaluated?.hasItem(at)) continue;
          if (!run.holds(node, item, { within: place, name: at })) holds = false;
          if (!holds && run.quiet) break;
        }
        evaluated?.itemsBefore(value.length);
        return holds;
      };
    },
    { isLate: true },
  ),
  unevaluatedProperties: keyword(
    schema,
    (rest, context) => {
      const node = context.node(rest);
      const at = placeOf(context);
      return (value, place, run, evaluated) =>
        eachProperty(value, run, (name, property) => {
          if (evaluated?.hasProperty(name)) return true;
          evaluated?.property(name);
          return run.holds(node, property, at(name, place));
        });
    },
    { isLate: true },
  ),
};
