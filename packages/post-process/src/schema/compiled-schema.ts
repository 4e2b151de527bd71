import { CompileBudget } from "./compile-budget.ts";
import { Compiler } from "./compiler.ts";
import { Enough, Evaluation, type Mismatch } from "./evaluation.ts";
import { Fuel, OutOfFuel } from "./fuel.ts";
import { isSchema } from "./json.ts";
import { WHOLE } from "./path.ts";
import { SchemaError } from "./schema-error.ts";
import { ANYTHING, NOTHING, type SchemaNode } from "./schema-node.ts";
import { sizeOf } from "./schema-size.ts";

export { CompileBudget } from "./compile-budget.ts";
export { Fuel } from "./fuel.ts";
export { SchemaError } from "./schema-error.ts";

/** A schema that values can be checked against, any number of times. */
export interface CompiledSchema {
  /** What does not match, up to twenty times, each once; `[]` for a value that does. A check that would take more than the fuel does not match. */
  check(value: unknown, fuel?: Fuel): readonly Mismatch[];
  /** What compiling it has cost, in units of a `CompileBudget`. */
  readonly work: number;
  /** How many values it holds, counting itself. */
  readonly values: number;
}

/** What compiling takes for each value of a schema. */
const WORK_PER_VALUE = 3;

/**
 * Compiles a JSON Schema of draft 2020-12, or of draft-07 where `$schema` names that. Schemas may come from anybody: no code is
 * made of them, nothing is read for them, and neither compiling nor checking takes more than a bounded time. Throws a
 * `SchemaError` for one that cannot be used, or that is more than the budget. The schema must not change afterwards.
 */
export function compileSchema(schema: unknown, budget: CompileBudget = new CompileBudget()): CompiledSchema {
  const before = budget.spent;
  const values = sizeOf(schema);
  budget.spend(WORK_PER_VALUE * values);
  const node = compile(schema, budget);
  return { check: (value, fuel = new Fuel()) => check(node, value, fuel), work: budget.spent - before, values };
}

function compile(schema: unknown, budget: CompileBudget): SchemaNode {
  if (!isSchema(schema)) throw new SchemaError("", "must be a schema: an object, true or false");
  if (typeof schema === "boolean") return schema ? ANYTHING : NOTHING;
  try {
    return new Compiler(schema, budget).compile(schema);
  } catch (thrown) {
    // Where little of the stack is left, it may end before our own limits are reached.
    if (thrown instanceof RangeError) throw new SchemaError("", "is nested too deep");
    throw thrown;
  }
}

function check(node: SchemaNode, value: unknown, fuel: Fuel): readonly Mismatch[] {
  const run = new Evaluation(value, fuel);
  try {
    run.holds(node, value, WHOLE);
  } catch (thrown) {
    if (thrown instanceof OutOfFuel || thrown instanceof RangeError) return [TOO_MUCH_WORK];
    if (!(thrown instanceof Enough)) throw thrown;
  }
  return run.mismatches.filter(isFirst);
}

/** Whether none before it is the same: several properties without a name of the schema's have one path. */
function isFirst({ path, message }: Mismatch, at: number, all: readonly Mismatch[]): boolean {
  return all.findIndex((other) => other.path === path && other.message === message) === at;
}

const TOO_MUCH_WORK: Mismatch = { path: "", message: "cannot be checked: that takes too much work with this schema" };
