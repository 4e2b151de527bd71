import type { ChatRequest } from "@gatewright/core";

/** The JSON Schema that an answer is to match. */
export interface AskedSchema {
  readonly name: string;
  readonly version?: string;
}

/** The schema that a request asks for, if it does. Without a version, until core tells it. */
export function schemaOf({ response_format }: ChatRequest): AskedSchema | undefined {
  const schema = response_format?.json_schema;
  if (typeof schema !== "object" || schema === null || !("name" in schema)) return undefined;
  return typeof schema.name === "string" ? { name: schema.name } : undefined;
}
