import { hash } from "node:crypto";
import type { ChatRequest } from "../chat.ts";
import { isFields } from "../json.ts";
import { oneLine } from "./one-line.ts";
import type { SchemaRecord } from "./record.ts";

/** The versions of schemas that were asked for: a call's log and its traces ask for the same one. */
const versions = new WeakMap<object, string>();

/**
 * Which JSON Schema the answer is to match: its name, and the first 12 hex digits of the SHA-256 of its JSON. `undefined` where
 * the request asks for none.
 */
export function schemaOf({ response_format }: ChatRequest): SchemaRecord | undefined {
  const format = response_format?.json_schema;
  if (!isFields(format) || !isFields(format.schema)) return undefined;
  const known = versions.get(format.schema);
  const version = known ?? versionOf(format.schema);
  if (version === undefined) return undefined;
  if (known === undefined) versions.set(format.schema, version);
  return { name: typeof format.name === "string" ? oneLine(format.name, 64) : "", version };
}

function versionOf(schema: object): string | undefined {
  try {
    return hash("sha256", JSON.stringify(schema)).slice(0, 12);
  } catch {
    // Made in this process, and nothing that can be sent.
    return undefined;
  }
}
