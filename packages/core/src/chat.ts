import type { Call } from "./call.ts";

/**
 * The body of a chat completion call in OpenAI's vocabulary, validated. Fields that are not named here are kept as
 * they came, at every level.
 * @see https://platform.openai.com/docs/api-reference/chat/create
 */
export interface ChatBody {
  readonly model: string;
  readonly messages: readonly ChatMessage[];
  readonly stream?: boolean | null | undefined;
  readonly stream_options?: { readonly include_usage?: boolean | null; readonly [field: string]: unknown } | null;
  readonly n?: number | null;
  readonly max_tokens?: number | null;
  readonly max_completion_tokens?: number | null;
  readonly temperature?: number | null;
  readonly top_p?: number | null;
  readonly seed?: number | null;
  readonly stop?: string | readonly string[] | null;
  readonly tools?: readonly ChatTool[] | null;
  readonly tool_choice?: unknown;
  readonly response_format?: { readonly type: string; readonly [field: string]: unknown } | null;
  readonly user?: string | null;
  readonly [field: string]: unknown;
}

/** A chat completion call on its way through the pipeline: the body, and beside it what is not in the body. */
export interface ChatRequest extends ChatBody {
  readonly call: Call;
}

/** One message of the conversation. */
export interface ChatMessage {
  readonly role: "system" | "developer" | "user" | "assistant" | "tool" | "function";
  readonly content?: string | readonly ContentPart[] | null;
  readonly tool_calls?: readonly ToolCall[] | null;
  readonly [field: string]: unknown;
}

/** One part of a message. A type that is not known here is passed on to the provider. */
export interface ContentPart {
  readonly type: string;
  readonly text?: string;
  readonly [field: string]: unknown;
}

/** A tool that the model may call. */
export interface ChatTool {
  readonly type: string;
  readonly [field: string]: unknown;
}

/** `index` orders the pieces of a call in a stream; a whole message has none. */
export interface ToolCall {
  readonly index?: number;
  readonly id?: string;
  readonly type?: string;
  readonly function?: { readonly name?: string; readonly arguments?: string; readonly [field: string]: unknown };
  readonly [field: string]: unknown;
}

/** What a call has used, in tokens. */
export interface Usage {
  readonly prompt_tokens?: number;
  readonly completion_tokens?: number;
  readonly total_tokens?: number;
  readonly [field: string]: unknown;
}

/** One `chat.completion.chunk`. A completion that was not streamed is one chunk whose deltas are whole messages. */
export interface ChatChunk {
  readonly id?: string;
  readonly object?: string;
  readonly created?: number;
  readonly model?: string;
  readonly choices: readonly ChunkChoice[];
  readonly usage?: Usage | null;
  readonly [field: string]: unknown;
}

/** A piece of one of the answers: a call may ask for several (`n`), told apart by `index`. */
export interface ChunkChoice {
  readonly index: number;
  readonly delta: Delta;
  readonly finish_reason?: string | null;
  readonly [field: string]: unknown;
}

/** A piece of a message, or a whole one. */
export interface Delta {
  readonly role?: string;
  readonly content?: string | readonly ContentPart[] | null;
  readonly refusal?: string | null;
  readonly tool_calls?: readonly ToolCall[] | null;
  readonly [field: string]: unknown;
}

/** A whole answer, as `chat.completion`. */
export interface ChatCompletion {
  readonly id?: string;
  readonly object?: string;
  readonly created?: number;
  readonly model?: string;
  readonly choices: readonly CompletionChoice[];
  readonly usage?: Usage | null;
  readonly [field: string]: unknown;
}

/** One of the answers of a completion. */
export interface CompletionChoice {
  readonly index: number;
  readonly message: Delta;
  readonly finish_reason?: string | null;
  readonly [field: string]: unknown;
}

/** What comes back from a handler: headers for the caller, and the chunks of the answer. */
export interface ChatReply {
  /** For the caller, names in lower case: which model answered, and the like. What an error is to have as well: `setAnswerHeaders`. */
  readonly headers: Readonly<Record<string, string>>;
  /** Read once. Ends normally only after a finish reason; a failure in the middle is thrown by the iteration. */
  readonly chunks: AsyncIterable<ChatChunk>;
}

/** Answers a call. Providers, routers and whole pipelines are handlers. */
export type Handler = (request: ChatRequest) => Promise<ChatReply>;

/**
 * A layer around a handler. It may call `next` never, once or many times, with any request.
 * A rejection of `next` may be tried again; a reply of `next` has begun and may not.
 */
export type Middleware = (request: ChatRequest, next: Handler) => Promise<ChatReply>;
