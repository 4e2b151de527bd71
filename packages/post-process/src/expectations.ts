import { type ChatRequest, type ChatTool, type Issue, invalidRequest } from "@gatewright/core";
import type { Fault } from "./output-error.ts";
import { CompileBudget, type CompiledSchema, Fuel, SchemaError } from "./schema/compiled-schema.ts";
import { isObject } from "./schema/json.ts";
import { SchemaCache } from "./schema/schema-cache.ts";

/** What a request expects of its answer: each function says what is wrong with a text at a path. */
export interface Expected {
  readonly content: ((text: string, path: string) => readonly Fault[]) | undefined;
  readonly tools: ((name: string, given: string, path: string) => readonly Fault[]) | undefined;
  /** Whether tools are offered, so that a call may come in place of an answer. */
  readonly mayCall: boolean;
}

/** What is found while the schemas of a request are read. */
interface Reading {
  readonly issues: Issue[];
  readonly budget: CompileBudget;
}

/** The answer, and one more where the model is asked again. */
const ANSWERS = 2;

/** Finds out what requests expect, and keeps the schemas that were compiled for that. */
export class Expectations {
  readonly #cache = new SchemaCache();

  /** `undefined` where any answer will do. Throws `llm.request.invalid` that names what is wrong with the schemas. */
  of({ response_format: format, tools, functions }: ChatRequest): Expected | undefined {
    const reading: Reading = { issues: [], budget: new CompileBudget() };
    const content = this.#content(format, reading);
    const parameters = this.#parameters(tools ?? [], reading);
    if (reading.issues.length > 0) throw invalidRequest(reading.issues);
    if (!content && !parameters) return undefined;
    const fuel = new Fuel(ANSWERS);
    return {
      content: content && ((text, path) => faultsOf(text, path, content, "schema", fuel)),
      tools: parameters && ((name, given, path) => callFaults(name, given, path, parameters, fuel)),
      mayCall: [tools, functions].some((offered) => Array.isArray(offered) && offered.length > 0),
    };
  }

  #content(format: ChatRequest["response_format"], reading: Reading): CompiledSchema | undefined {
    if (format?.type === "json_object") return this.#cache.get({ type: "object" });
    if (format?.type !== "json_schema") return undefined;
    const path = "response_format.json_schema";
    const { json_schema: asked } = format;
    if (!isObject(asked)) {
      reading.issues.push({ path, message: "required: an object with a name and a schema" });
      return undefined;
    }
    return this.#compile(asked.schema ?? true, `${path}.schema`, reading);
  }

  /** What each tool takes, by its name; `undefined` where no function is offered. */
  #parameters(tools: readonly ChatTool[], reading: Reading): ReadonlyMap<string, CompiledSchema> | undefined {
    const known = new Map<string, CompiledSchema>();
    for (const [at, tool] of tools.entries()) {
      const offered = tool.type === "function" && isObject(tool.function) ? tool.function : undefined;
      if (typeof offered?.name !== "string") continue;
      const schema = this.#compile(offered.parameters ?? true, `tools[${at}].function.parameters`, reading);
      if (schema) known.set(offered.name, schema);
    }
    return known.size > 0 ? known : undefined;
  }

  #compile(schema: unknown, path: string, { issues, budget }: Reading): CompiledSchema | undefined {
    // The schema that was too much is told of, and those behind it are not even read.
    if (budget.isSpent) return undefined;
    try {
      return this.#cache.get(schema, budget);
    } catch (thrown) {
      if (!(thrown instanceof SchemaError)) throw thrown;
      issues.push({ path: path + thrown.path, message: thrown.message });
      return undefined;
    }
  }
}

function callFaults(
  name: string,
  given: string,
  path: string,
  parameters: ReadonlyMap<string, CompiledSchema>,
  fuel: Fuel,
): readonly Fault[] {
  const schema = parameters.get(name);
  if (schema) return faultsOf(given, path, schema, "arguments", fuel);
  return [{ kind: "arguments", path, message: "are for a tool that was not offered" }];
}

function faultsOf(
  text: string,
  path: string,
  schema: CompiledSchema,
  kind: "schema" | "arguments",
  fuel: Fuel,
): readonly Fault[] {
  let value: unknown;
  try {
    value = JSON.parse(text);
  } catch {
    const message = text.trim() === "" ? "is empty" : "is not JSON";
    return [{ kind: kind === "schema" ? "json" : kind, path, message }];
  }
  return schema.check(value, fuel).map((mismatch) => ({ kind, path: path + mismatch.path, message: mismatch.message }));
}
