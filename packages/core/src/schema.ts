import { z } from "zod";
import type { ChatBody } from "./chat.ts";
import { type Issue, invalidRequest } from "./error.ts";
import { isFields, isRawNumber } from "./json.ts";

/** Fields by which a caller could redirect a provider call or bring a key into it (CVE-2024-6587 and its kin). */
const ROUTING_FIELDS = ["api_base", "base_url", "baseURL", "api_key", "custom_host", "extra_headers"] as const;

const MAX_MESSAGES = 4096;
const MAX_SCHEMA_CHARS = 256 * 1024;

/** Letters, digits and `._:/@+~=,-`, with no `..`: what a model name may be, so that it is safe in a URL and in a log. */
const MODEL = /^(?!.*\.\.)[A-Za-z0-9._:/@+~=,-]{1,256}$/;

const number = (): z.ZodNumber =>
  z.number({
    error: ({ input }) => (isRawNumber(input) ? "the number is out of range" : undefined),
  });
const count = (most = Number.MAX_SAFE_INTEGER): z.ZodNumber => number().int().min(1).max(most);
const none = (field: string): z.ZodOptional<z.ZodNever> =>
  z.never({ error: `${field} cannot be set by a caller: remove it` }).optional();

const part = z.looseObject({
  type: z.string(),
  text: z.string().optional(),
  // Some services take the URL alone.
  image_url: z.union([z.string(), z.looseObject({ url: z.string() })]).optional(),
});
const content = z.union([z.string(), z.array(part).min(1)], { error: "expected a string or a list of content parts" });
const toolCall = z.looseObject({
  id: z.string(),
  function: z.looseObject({ name: z.string(), arguments: z.string() }).optional(),
});
const message = z.discriminatedUnion(
  "role",
  [
    z.looseObject({ role: z.enum(["system", "developer", "user", "function"]), content }),
    z.looseObject({ role: z.literal("tool"), content, tool_call_id: z.string() }),
    z.looseObject({
      role: z.literal("assistant"),
      content: content.nullish(),
      tool_calls: z.array(toolCall).nullish(),
    }),
  ],
  { error: "expected an object with the role system, developer, user, assistant, tool or function" },
);

const bounded = z
  .unknown()
  .refine((schema) => schema === undefined || JSON.stringify(schema).length <= MAX_SCHEMA_CHARS, {
    error: `a schema may have at most ${MAX_SCHEMA_CHARS} characters`,
  });
const tool = z.looseObject({
  type: z.string(),
  function: z.looseObject({ name: z.string().min(1).max(256), parameters: bounded.optional() }).optional(),
});

const body = z.looseObject({
  model: z.string().regex(MODEL, { error: "expected 1 to 256 letters, digits or ._:/@+~=,- and no '..'" }),
  messages: z.array(message).min(1).max(MAX_MESSAGES).nullish(),
  prompt: z.string().min(1).nullish(),
  stream: z.boolean().nullish(),
  stream_options: z
    .unknown()
    .refine((options) => !isRawNumber(options), { error: "expected an object" })
    .pipe(z.looseObject({ include_usage: z.boolean().nullish() }).nullish())
    .optional(),
  n: count(128).nullish(),
  max_tokens: count().nullish(),
  max_completion_tokens: count().nullish(),
  temperature: number().min(0).max(2).nullish(),
  top_p: number().min(0).max(1).nullish(),
  presence_penalty: number().min(-2).max(2).nullish(),
  frequency_penalty: number().min(-2).max(2).nullish(),
  seed: number().int().nullish(),
  logprobs: z.boolean().nullish(),
  top_logprobs: number().int().min(0).max(20).nullish(),
  logit_bias: z.record(z.string(), number()).nullish(),
  stop: z
    .union([z.string(), z.array(z.string()).max(16)], { error: "expected a string or up to 16 strings" })
    .nullish(),
  tools: z.array(tool).max(1024).nullish(),
  tool_choice: z
    .union([z.string(), z.looseObject({ type: z.string() })], {
      error: "expected a string or an object with a type",
    })
    .nullish(),
  parallel_tool_calls: z.boolean().nullish(),
  response_format: z.looseObject({ type: z.string(), json_schema: bounded.optional() }).nullish(),
  user: z.string().max(1024).nullish(),
  call: none("call"),
  ...Object.fromEntries(ROUTING_FIELDS.map((field) => [field, none(field)])),
});

/**
 * Checks the parsed JSON of a chat completion call. Unknown fields are kept; a `prompt` becomes one user message.
 * Throws `llm.request.invalid` with every failing field at once.
 */
export function parseChatBody(value: unknown): ChatBody {
  if (!isFields(value)) {
    throw invalidRequest([{ path: "", message: "The body must be a JSON object." }]);
  }
  const result = body.safeParse(value, { error: ({ input }) => (input === undefined ? "required" : undefined) });
  const issues = [...issuesOf(result.error?.issues ?? []), ...contradictions(value)];
  if (!result.success || issues.length > 0) throw invalidRequest(issues);
  const { prompt, ...fields } = result.data;
  const messages = fields.messages ?? [{ role: "user", content: prompt }];
  // The schema above is the check of this type; zod infers the one of messages as a union of what each role needs.
  return { ...fields, messages } as ChatBody;
}

/** What no field shows alone. */
function contradictions(value: Readonly<Record<string, unknown>>): Issue[] {
  const found: Issue[] = [];
  const given = (field: string): boolean => value[field] !== undefined && value[field] !== null;
  if (given("messages") && given("prompt"))
    found.push({ path: "prompt", message: "send messages or prompt, not both" });
  if (!given("messages") && !given("prompt")) found.push({ path: "messages", message: "required, or send a prompt" });
  if (given("stream_options") && value.stream !== true) {
    found.push({ path: "stream_options", message: "only allowed when stream is true" });
  }
  return found;
}

function issuesOf(found: readonly z.core.$ZodIssue[], base: readonly PropertyKey[] = []): Issue[] {
  return found.flatMap((issue) => {
    const path = [...base, ...issue.path];
    const deeper = issue.code === "invalid_union" ? deepest(issue.errors) : [];
    return deeper.length > 0 ? issuesOf(deeper, path) : [{ path: fieldPath(path), message: issue.message }];
  });
}

/** Of the alternatives of a union, the one the value came closest to: where something inside the value is wrong. */
function deepest(alternatives: readonly (readonly z.core.$ZodIssue[])[]): readonly z.core.$ZodIssue[] {
  return alternatives.find((issues) => issues.length > 0 && issues.every((issue) => issue.path.length > 0)) ?? [];
}

/** How much of a caller's own field name is repeated to it. */
const MAX_NAME_CHARS = 64;

function fieldPath(path: readonly PropertyKey[]): string {
  return path.reduce<string>((text, key) => {
    if (typeof key === "number") return `${text}[${key}]`;
    const name = String(key).slice(0, MAX_NAME_CHARS);
    return text === "" ? name : `${text}.${name}`;
  }, "");
}
