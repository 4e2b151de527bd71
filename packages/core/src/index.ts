export { attempts } from "./attempts.ts";
export { begin } from "./begin.ts";
export type { Call } from "./call.ts";
export { createCall } from "./call.ts";
export type {
  ChatBody,
  ChatChunk,
  ChatCompletion,
  ChatMessage,
  ChatReply,
  ChatRequest,
  ChatTool,
  ChunkChoice,
  CompletionChoice,
  ContentPart,
  Delta,
  Handler,
  Middleware,
  ToolCall,
  Usage,
} from "./chat.ts";
export type { ChunkIterator } from "./chunk-iterator.ts";
export type { Clock } from "./clock.ts";
export { systemClock } from "./clock.ts";
export type { Code, Layer, Origin, Phase } from "./codes.ts";
export { codes } from "./codes.ts";
export { collect } from "./collect.ts";
export { compose } from "./compose.ts";
export type { Context, ContextKey } from "./context.ts";
export { contextKey } from "./context.ts";
export type { Envelope, EnvelopeName, ErrorBody } from "./envelope.ts";
export type { Attempt, GatewayErrorOptions, Issue } from "./error.ts";
export { GatewayError, toGatewayError } from "./error.ts";
export type { Gateway, GatewayOptions } from "./gateway.ts";
export { gateway } from "./gateway.ts";
export type { HttpReply, HttpRequest, ParsedBody, UnreadBody } from "./http.ts";
export { BodyTooLargeError } from "./http.ts";
export { JsonError, parseJson } from "./json.ts";
export type { ApiKey, Auth, AuthOptions, Caller } from "./middleware/auth.ts";
export { auth, caller } from "./middleware/auth.ts";
export type { Model, Models } from "./models.ts";
export type { MountOptions } from "./mount.ts";
export { redact } from "./redact.ts";
export type { ReplyEnd } from "./reply.ts";
export { discard, mapChunks, mapText, onEnd, textReply } from "./reply.ts";
export type { ServerSentEvent } from "./sse.ts";
export { EventReader, EventTooLargeError, eventText, readEvents } from "./sse.ts";
export { toFetch } from "./to-fetch.ts";
export { toNode } from "./to-node.ts";
