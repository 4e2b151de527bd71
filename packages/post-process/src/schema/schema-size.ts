import { SchemaError } from "./schema-error.ts";

/** How many values a schema may have within it, counting itself. The largest that people write have some thousands. */
const MAX_VALUES = 10_000;
/** How deep it may be nested. A request has at most 100 levels. */
const MAX_DEPTH = 256;

/** How many values a schema holds. Throws a `SchemaError` for one that is too large, before anything else looks at it. */
export function sizeOf(schema: unknown): number {
  const waiting: { readonly value: unknown; readonly depth: number }[] = [{ value: schema, depth: 1 }];
  let values = 0;
  for (let next = waiting.pop(); next; next = waiting.pop()) {
    const { value, depth } = next;
    if (depth > MAX_DEPTH) throw new SchemaError("", `must be nested at most ${MAX_DEPTH} levels deep`);
    const inner = typeof value === "object" && value !== null ? Object.values(value) : [];
    values += 1;
    if (values + waiting.length + inner.length > MAX_VALUES) {
      throw new SchemaError("", `must hold at most ${MAX_VALUES.toLocaleString("en")} values`);
    }
    for (const item of inner) waiting.push({ value: item, depth: depth + 1 });
  }
  return values;
}
