import type { ChatRequest } from "./chat.ts";
import { type ContextKey, contextKey } from "./context.ts";
import { GatewayError, type Issue, invalidRequest } from "./error.ts";
import { isFields } from "./json.ts";
import { parseChatBody } from "./schema.ts";

type Fields = Readonly<Record<string, unknown>>;

/** What a caller may say of how a failure is dealt with. */
export interface FallbackConfig {
  /** Whether the same target is asked again; `undefined` where the caller does not say. */
  readonly retry: boolean | undefined;
  /** How many of the request's fallbacks may be walked. */
  readonly depth: number;
}

/** Whether the caller wants the same target asked again; `undefined` where it does not say. */
export const wantsRetry: ContextKey<boolean | undefined> = contextKey<boolean | undefined>("wants retry", undefined);

const MAX_DEPTH = 2;
const MAX_FALLBACKS = 16;

/** Reads `fallback_config`. Throws `llm.request.invalid` that names every failing field. */
export function readFallbackConfig(value: unknown): FallbackConfig {
  if (value === undefined || value === null) return { retry: undefined, depth: 1 };
  if (!isFields(value)) throw invalidRequest([{ path: "fallback_config", message: "must be an object" }]);
  const { retry = undefined, depth = 1, ...unknown } = value;
  const issues: Issue[] = Object.keys(unknown).map((name) => ({
    path: `fallback_config.${name.slice(0, 64)}`,
    message: "there is no such field; known are retry and depth",
  }));
  const isRetry = retry === undefined || typeof retry === "boolean";
  if (!isRetry) issues.push({ path: "fallback_config.retry", message: "must be true or false" });
  const isDepth = typeof depth === "number" && Number.isInteger(depth) && depth >= 0 && depth <= MAX_DEPTH;
  if (!isDepth)
    issues.push({ path: "fallback_config.depth", message: `must be a whole number from 0 to ${MAX_DEPTH}` });
  if (!isRetry || !isDepth || issues.length > 0) throw invalidRequest(issues);
  return { retry, depth };
}

/**
 * The requests that the first `depth` of a caller's `fallbacks` make of its own: what an entry names is set, what its `remove_fields` lists is
 * left out, all else is inherited. Throws `llm.request.invalid` that names every failing field of every entry.
 */
export function readFallbacks(value: unknown, request: ChatRequest, depth: number): ChatRequest[] {
  if (value === undefined || value === null) return [];
  if (!Array.isArray(value) || value.length > MAX_FALLBACKS) {
    throw invalidRequest([{ path: "fallbacks", message: `must be a list of up to ${MAX_FALLBACKS} entries` }]);
  }
  const issues: Issue[] = [];
  const requests = value.map((entry: unknown, index): ChatRequest => {
    const path = `fallbacks[${index}]`;
    const found = issuesOf(entry);
    issues.push(...found.map(({ path: field, message }) => ({ path: field ? `${path}.${field}` : path, message })));
    if (found.length > 0 || !isFields(entry)) return request;
    const { remove_fields: removed, ...set } = entry;
    const { call, ...body } = request;
    const speaks = (set.messages ?? set.prompt) !== undefined;
    try {
      // What is inherited was checked with the request; a long conversation is not checked again for each entry.
      const inherited = { ...(body.stream && { stream: true }), ...(!speaks && { messages: ANY }) };
      const { messages, ...checked } = parseChatBody({ ...inherited, ...set });
      if (index >= depth) return request;
      const merged = { ...body, ...checked, ...(speaks && { messages }) };
      // Its kind was looked at above; what it takes off is not what makes a request one.
      return { ...without(merged, (removed as readonly string[] | undefined) ?? []), call } as ChatRequest;
    } catch (error) {
      if (!(error instanceof GatewayError)) throw error;
      issues.push(...error.issues.map(({ path: field, message }) => ({ path: `${path}.${field}`, message })));
      return request;
    }
  });
  if (issues.length > 0) throw invalidRequest(issues);
  return requests.slice(0, depth);
}

/** The fields without those of the given names. */
export function without(fields: Fields, names: readonly string[]): Fields {
  if (names.length === 0) return fields;
  const left = { ...fields };
  for (const name of names) delete left[name];
  return left;
}

/** Stands for messages that were checked. */
const ANY = [{ role: "user", content: "" }];

/** Fields that an entry cannot have: they are the call's, not a target's. */
const NOT_IN_ENTRY = ["fallbacks", "fallback_config"];
const NEEDED = ["model", "messages", "call"];
const MAX_REMOVED = 64;

function issuesOf(entry: unknown): Issue[] {
  if (!isFields(entry)) return [{ path: "", message: "must be an object with a model" }];
  const found: Issue[] = NOT_IN_ENTRY.filter((name) => entry[name] !== undefined).map((path) => ({
    path,
    message: "cannot be set in a fallback: remove it",
  }));
  if (typeof entry.model !== "string") found.push({ path: "model", message: "required" });
  const removed = entry.remove_fields ?? [];
  const isList = Array.isArray(removed) && removed.length <= MAX_REMOVED && removed.every(isRemovable);
  if (!isList) {
    const message = `must be a list of up to ${MAX_REMOVED} names of fields other than model and messages`;
    found.push({ path: "remove_fields", message });
  }
  return found;
}

function isRemovable(name: unknown): boolean {
  return typeof name === "string" && !NEEDED.includes(name);
}
