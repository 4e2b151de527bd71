import { type Call, createCall } from "../call.ts";
import type { ChatBody, ChatRequest } from "../chat.ts";

/**
 * A request as a handler gets it: a user's message, or a body of which the rest is filled in.
 * @example chat("Hi")
 * @example chat({ model: "gpt-4o", stream: true }, { signal })
 */
export function chat(body: string | Partial<ChatBody> = "Hello", call: Partial<Call> = {}): ChatRequest {
  const content = typeof body === "string" ? body : "Hello";
  const rest = typeof body === "string" ? {} : body;
  return { model: "test-model", messages: [{ role: "user", content }], ...rest, call: createCall(call) };
}
