import type { ChatChunk, ChatRequest, ContentPart, ToolCall, Usage } from "./chat.ts";

/**
 * About how many tokens a request's prompt has: a fast guess, a token for every four bytes of text, wherever in the body it
 * is, some for each message and 1,000 for each picture, file or sound. It is right within a quarter for most text; a
 * tokenizer of the model's own is exact, and slower.
 */
export function estimateTokens({ messages, call: _, ...others }: ChatRequest): number {
  let bytes = 0;
  let attachments = 0;
  for (const { role: _, content, ...rest } of messages) {
    bytes += textBytes(rest);
    if (typeof content === "string") bytes += Buffer.byteLength(content);
    else {
      for (const part of content ?? []) {
        const isAttachment = ATTACHMENTS.has(part.type);
        if (isAttachment) attachments++;
        bytes += isAttachment ? bytesOf(part.text) : textBytes(part);
      }
    }
  }
  return (
    messages.length * PER_MESSAGE +
    attachments * PER_ATTACHMENT +
    Math.ceil((bytes + textBytes(others)) / BYTES_PER_TOKEN)
  );
}

/** Parts whose data is no text. */
const ATTACHMENTS: ReadonlySet<string> = new Set(["image_url", "input_audio", "file", "image", "audio", "video_url"]);

/** Of the texts of an object, wherever they are in it. Numbers and names of fields that are known count for nothing. */
function textBytes(fields: Readonly<Record<string, unknown>>): number {
  let bytes = 0;
  for (const name in fields) {
    const value = fields[name];
    if (typeof value === "string") bytes += NO_PROMPT.has(name) ? 0 : Buffer.byteLength(value);
    else if (typeof value === "object" && value !== null) bytes += JSON.stringify(value).length;
  }
  return bytes;
}

/** Fields whose text is no prompt. */
const NO_PROMPT: ReadonlySet<string> = new Set(["model", "user", "type", "tool_call_id"]);

/** About how many tokens of an answer are in a chunk. */
export function chunkTokens({ choices }: ChatChunk): number {
  let bytes = 0;
  for (const { delta } of choices) {
    const { content, refusal, reasoning, reasoning_content, tool_calls } = delta;
    for (const text of [content, refusal, reasoning, reasoning_content]) bytes += bytesOf(text);
    bytes += partBytes(content) + callBytes(tool_calls);
  }
  return bytes / BYTES_PER_TOKEN;
}

/** How many tokens a provider says were used; `undefined` where it does not say, or says nonsense. */
export function tokensOf(usage: Usage | undefined): number | undefined {
  if (!usage) return undefined;
  const { prompt_tokens, completion_tokens, total_tokens } = usage;
  const parts = isSaid(total_tokens) ? [total_tokens] : [prompt_tokens, completion_tokens];
  const said = parts.filter(isSaid);
  return said.length > 0 && said.every(isCount) ? said.reduce((sum, part) => sum + part, 0) : undefined;
}

/** Whether a provider says something of it at all. */
export function isSaid(tokens: unknown): boolean {
  return tokens !== undefined && tokens !== null;
}

/** Whether it is a number of tokens: what providers send is not checked. */
export function isCount(tokens: unknown): tokens is number {
  return Number.isInteger(tokens) && Number(tokens) >= 0 && Number(tokens) <= MOST;
}

const BYTES_PER_TOKEN = 4;
/** What frames a message. */
const PER_MESSAGE = 4;
const PER_ATTACHMENT = 1000;
/** More tokens than any call uses: a provider that says so is wrong, and its caller must not pay that for months. */
const MOST = 1e7;

function partBytes(content: string | readonly ContentPart[] | null | undefined): number {
  if (!Array.isArray(content)) return 0;
  return content.reduce((sum: number, part: ContentPart) => sum + bytesOf(part?.text), 0);
}

/** Of what should be text; some services send something else, which is not counted. */
function bytesOf(text: unknown): number {
  return typeof text === "string" ? Buffer.byteLength(text) : 0;
}

function callBytes(calls: readonly ToolCall[] | null | undefined): number {
  let bytes = 0;
  for (const call of Array.isArray(calls) ? calls : []) {
    bytes += bytesOf(call?.function?.name) + bytesOf(call?.function?.arguments);
  }
  return bytes;
}
