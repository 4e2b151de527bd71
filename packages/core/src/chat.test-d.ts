import type { ChatChunk, ChatReply, ChatRequest, Handler, Middleware } from "./index.ts";
import { collect, compose, mapChunks, mapText, textReply } from "./index.ts";

/** What may be done with a request, a reply and a pipeline, and what the types must not let pass. */
export function mustCompile(request: ChatRequest, reply: ChatReply, next: Handler): void {
  const _another: Promise<ChatReply> = next({ ...request, model: "b" });
  const _streamed: Promise<ChatReply> = next({ ...request, stream: true, stream_options: { include_usage: true } });
  const _unknownFields: Promise<ChatReply> = next({ ...request, reasoning_effort: "low", x: { y: [1] } });
  const _longer: Promise<ChatReply> = next({
    ...request,
    messages: [{ role: "system", content: "Be brief.", x: 1 }, ...request.messages],
  });
  const { fallbacks: _, ...rest } = request;
  const _without: Promise<ChatReply> = next(rest);
  const _unknown: unknown = request.fallbacks;
  const _unknownInside: unknown = request.messages[0]?.cache_control;
  const _withHeaders: ChatReply = { ...reply, headers: { ...reply.headers, "x-a": "1" } };
  const _changed: ChatReply = mapText(
    mapChunks(reply, (chunk) => ({ ...chunk, x: 1 })),
    (text) => text.trim(),
  );

  const pass: Middleware = (call, below) => below(call);
  const answer: Middleware = async () => textReply("cached");
  const retry: Middleware = (call, below) => below(call).catch(() => below(call));
  const provider: Handler = async ({ model }) => textReply("Hi", { model });
  const pipeline: Handler = compose([pass, answer, retry], provider);
  const _nested: Handler = compose([pass], pipeline);
  const _content: Promise<unknown> = pipeline(request).then(collect);
}

export async function mustNotCompile(request: ChatRequest, reply: ChatReply, chunk: ChatChunk): Promise<void> {
  // @ts-expect-error A request is replaced, never changed.
  request.model = "b";
  // @ts-expect-error A field of the body is a field of the request: replaced, never changed.
  request.stream = true;
  // @ts-expect-error Unknown fields neither.
  request.fallbacks = [];
  // @ts-expect-error Nor is a field taken off the request that came.
  delete request.fallbacks;
  // @ts-expect-error The messages are the caller's: a longer list is a new list.
  request.messages.push({ role: "user", content: "more" });
  // @ts-expect-error A message is replaced, never changed.
  if (request.messages[0]) request.messages[0].content = "other";
  // @ts-expect-error The call's facts stay what they were.
  request.call.id = "other";
  // @ts-expect-error The caller's headers stay what they were.
  request.call.headers.authorization = "other";
  // @ts-expect-error A reply's headers are replaced, never changed.
  reply.headers["x-a"] = "1";
  // @ts-expect-error A reply's headers are replaced, never changed, however they are written.
  reply.headers.x = "1";
  // @ts-expect-error A reply is replaced, never changed.
  reply.chunks = [];
  // @ts-expect-error A chunk is replaced, never changed.
  chunk.choices.push({ index: 0, delta: {} });
  // @ts-expect-error A delta is replaced, never changed.
  if (chunk.choices[0]) chunk.choices[0].delta.content = "other";

  // @ts-expect-error A middleware that forgets to return what `next` gave it answers nothing.
  const _forgets: Middleware = async (call, next) => {
    await next(call);
  };
  // @ts-expect-error A middleware returns a reply, not the text of one.
  const _text: Middleware = async () => "Hello";
  // @ts-expect-error A handler answers with a reply, which has headers.
  const _bare: Handler = async () => ({ chunks: (async function* () {})() });
  // @ts-expect-error A handler's reply is read as it comes: an array is not.
  const _array: Handler = async () => ({ headers: {}, chunks: [chunk] });
  // @ts-expect-error A handler is asynchronous.
  const _now: Handler = () => textReply("Hello");
  // @ts-expect-error `next` needs a whole request: one without its call cannot be canceled.
  const _noCall: Middleware = (call, next) => next({ model: call.model, messages: call.messages });
  // @ts-expect-error `next` needs a request.
  const _noRequest: Middleware = (_call, next) => next();
  // @ts-expect-error A pipeline ends in a handler.
  compose([async () => textReply("cached")]);
  // @ts-expect-error A pipeline's layers are middleware.
  compose([textReply("cached")], async () => textReply("Hello"));

  // @ts-expect-error An unknown field is unknown: it is looked at before it is used.
  const _length: number = request.fallbacks.length;
  // @ts-expect-error An unknown field of a message is unknown.
  const _text2: string = request.messages[0]?.cache_control;
  // @ts-expect-error A role that the API does not have.
  const _role: ChatRequest = { ...request, messages: [{ role: "owner", content: "x" }] };
  // @ts-expect-error A model is a name.
  const _model: ChatRequest = { ...request, model: 5 };
  // @ts-expect-error Changing a chunk gives a chunk.
  mapChunks(reply, () => undefined);
  // @ts-expect-error Changing a text gives a text.
  mapText(reply, async (text) => text);
  // @ts-expect-error A reply is awaited before it is collected.
  await collect(Promise.resolve(reply));
}
