import { Compiler } from "./compiler.ts";
import { Enough, Evaluation, type Mismatch } from "./evaluation.ts";
import { OutOfFuel } from "./fuel.ts";
import { isSchema } from "./json.ts";
import { WHOLE } from "./path.ts";
import { SchemaError } from "./schema-error.ts";
import { ANYTHING, NOTHING, type SchemaNode } from "./schema-node.ts";
import { checkSize } from "./schema-size.ts";

export { SchemaError } from "./schema-error.ts";

/** A schema that values can be checked against, any number of times. */
export interface CompiledSchema {
  /** What does not match, the first twenty; `[]` for a value that does. A check that would take too much work does not match. */
  check(value: unknown): readonly Mismatch[];
}

/**
 * Compiles a JSON Schema of draft 2020-12, or of draft-07 where `$schema` names that. Schemas may come from anybody: no code is
 * made of them, nothing is read for them, and neither compiling nor checking takes more than a bounded time. Throws a
 * `SchemaError` for one that cannot be used. The schema must not change afterwards.
 */
export function compileSchema(schema: unknown): CompiledSchema {
  const node = compile(schema);
  return { check: (value) => check(node, value) };
}

function compile(schema: unknown): SchemaNode {
  if (!isSchema(schema)) throw new SchemaError("", "must be a schema: an object, true or false");
  if (typeof schema === "boolean") return schema ? ANYTHING : NOTHING;
  checkSize(schema);
  try {
    return new Compiler(schema).compile(schema);
  } catch (thrown) {
    // Where little of the stack is left, it may end before our own limits are reached.
    if (thrown instanceof RangeError) throw new SchemaError("", "is nested too deep");
    throw thrown;
  }
}

function check(node: SchemaNode, value: unknown): readonly Mismatch[] {
  const run = new Evaluation(value);
  try {
    run.holds(node, value, WHOLE);
  } catch (thrown) {
    if (thrown instanceof OutOfFuel || thrown instanceof RangeError) return [TOO_MUCH_WORK];
    if (!(thrown instanceof Enough)) throw thrown;
  }
  return run.mismatches;
}

const TOO_MUCH_WORK: Mismatch = { path: "", message: "cannot be checked: that takes too much work with this schema" };
