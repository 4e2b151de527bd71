import type { Schema } from "./json.ts";
import type { Pattern } from "./pattern.ts";
import type { Check, SchemaNode } from "./schema-node.ts";
import type { Shape, Subschema } from "./shape.ts";

/** What a keyword may ask of the schema that it stands in, while that is compiled. No check may hold on to it. */
export interface KeywordContext {
  /** Where the keyword stands in the schema. */
  readonly path: string;
  /** Another keyword of the same schema. */
  sibling<Value>(name: string, shape: Shape<Value>): Value | undefined;
  /** A schema that the keyword holds, compiled. */
  node(schema: Schema): SchemaNode;
  nodes(schemas: readonly Schema[]): readonly SchemaNode[];
  nodesByName(schemas: ReadonlyMap<string, Schema>): ReadonlyMap<string, SchemaNode>;
  pattern(source: string, path: string): Pattern;
  /** What a `$ref` refers to. */
  reference(uri: string): SchemaNode;
  /** What a `$dynamicRef` refers to at first, and its name where the place of evaluation decides. */
  dynamicReference(uri: string): { readonly node: SchemaNode; readonly name: string | undefined };
}

/** A keyword of JSON Schema: what its own value must be, and what it then asks of a value. */
export interface Keyword {
  /** The schemas in its value. Throws a `SchemaError` where its value is not what it must be. */
  subschemas(value: unknown, path: string): readonly Subschema[];
  /** What it asks; `undefined` where that is nothing, or where another keyword asks it. */
  check(value: unknown, context: KeywordContext): Check | undefined;
  /** Whether it asks about what the other keywords have looked at. */
  readonly isLate: boolean;
}

/** The keywords of one family, by their names. They are evaluated in this order. */
export type Keywords = Readonly<Record<string, Keyword>>;

/** A keyword that asks something of a value. */
export function keyword<Value>(
  shape: Shape<Value>,
  check: (value: Value, context: KeywordContext) => Check | undefined,
  { isLate = false }: { readonly isLate?: boolean } = {},
): Keyword {
  return {
    subschemas: (value, path) => {
      const read = shape.read(value, path);
      return shape.schemas?.(read, path) ?? [];
    },
    check: (value, context) => check(shape.read(value, context.path), context),
    isLate,
  };
}

/** A keyword that another one reads, or that is there for references. */
export function passive<Value>(shape: Shape<Value>): Keyword {
  return keyword(shape, () => undefined);
}
