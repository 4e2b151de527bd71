import { type ChatChunk, HeldChunks, type Model } from "@gatewright/core";
import { jsonOf, readBytes, readText, release } from "./body.ts";
import { asChunk, completionAsChunk, isObject } from "./chunk.ts";
import { EventChunks } from "./event-chunks.ts";
import { badResponse, LASTING, send, type Target, type UpstreamAnswer } from "./upstream.ts";
import { errorIn, upstreamError } from "./upstream-error.ts";

/** The chunks of an answer, and the model that says it gave them: known once the first chunk was read. */
export interface Answer {
  readonly chunks: AsyncIterable<ChatChunk>;
  readonly model: () => string | undefined;
  /** The chunk that is all of it, where it did not come as a stream: nothing of it can break off any more. */
  readonly whole: ChatChunk | undefined;
}

/** What makes a stream complete. */
export interface Expected {
  /** How many answers were asked for. */
  readonly choices: number;
  /** Whether the usage was asked for, which comes last. */
  readonly usage: boolean;
}

/** Reads a provider's answer as chunks, whether it is a stream or a completion. Throws a `GatewayError` for neither. */
export async function readAnswer(
  target: Target,
  answer: UpstreamAnswer,
  expected: Expected,
  signal: AbortSignal,
): Promise<Answer> {
  check(target, answer);
  if (succeeded(answer) && answer.contentType.startsWith("text/event-stream")) {
    return streamed(target, answer, expected, signal);
  }
  const chunk = completionAsChunk(await readJson(target, answer, signal));
  if (!chunk) throw badResponse(target, "answered something that is not a chat completion");
  return { chunks: new HeldChunks([chunk]), model: () => chunk.model, whole: chunk };
}

/** Asks a provider for its models. Throws a `GatewayError` where it does not tell them. */
export async function readModels(target: Target, signal: AbortSignal): Promise<readonly Model[]> {
  const answer = await send(target, signal);
  check(target, answer);
  const value = await readJson(target, answer, signal);
  const models = isObject(value) ? value.data : undefined;
  if (!Array.isArray(models) || !models.every(isModel)) throw badResponse(target, "did not answer a list of models");
  return models;
}

function isModel(value: unknown): value is Model {
  return isObject(value) && typeof value.id === "string";
}

/** Throws, and lets go of the body, where an answer is a redirect or compressed. */
function check(target: Target, answer: UpstreamAnswer): void {
  const { status, body, contentEncoding } = answer;
  // A body that is closed early emits an error, also where nobody reads it any more.
  body.on("error", () => {});
  const redirects = status >= 300 && status < 400;
  if (!redirects && contentEncoding === "identity") return;
  release(answer, false);
  const what = redirects ? `answered with a redirect (${status})` : "compressed its answer unasked";
  throw badResponse(target, what, LASTING);
}

async function readJson(target: Target, answer: UpstreamAnswer, signal: AbortSignal): Promise<unknown> {
  const value = jsonOf(await readText(target, answer, signal));
  const error = errorIn(value);
  if (!succeeded(answer) || error) throw upstreamError(target, answer, error);
  return value;
}

function succeeded({ status }: UpstreamAnswer): boolean {
  return status >= 200 && status < 300;
}

function streamed(target: Target, answer: UpstreamAnswer, expected: Expected, signal: AbortSignal): Answer {
  let model: string | undefined;
  const finished = new Set<number>();
  let usage = !expected.usage;
  const parse = (data: string): ChatChunk => {
    const value = jsonOf(data);
    const error = errorIn(value);
    if (error) throw upstreamError(target, answer, error);
    const chunk = asChunk(value);
    if (!chunk) throw badResponse(target, "sent an event that is not a chunk of a chat completion");
    model ||= chunk.model;
    usage ||= Boolean(chunk.usage);
    const late = chunk.choices.some(({ index }) => finished.has(index));
    const kept = late ? withoutMore(chunk, finished) : chunk;
    for (const { index, finish_reason } of kept.choices) if (finish_reason) finished.add(index);
    return kept;
  };
  let finishedAt: number | undefined;
  const patienceMs = (): number | undefined => {
    if (finished.size < expected.choices) return undefined;
    finishedAt ??= performance.now();
    return Math.max(0, finishedAt + (usage ? SAID_ALL_MS : USAGE_MS) - performance.now());
  };
  const chunks = new EventChunks(readBytes(target, answer, signal), {
    parse,
    patienceMs,
    tooLarge: () => badResponse(target, "sent an event that is too large"),
    release: (saidAll) => release(answer, saidAll),
  });
  return { chunks: { [Symbol.asyncIterator]: () => chunks }, model: () => model, whole: undefined };
}

/** A chunk that came after answers had finished: what it adds to those is no part of them. */
function withoutMore(chunk: ChatChunk, finished: ReadonlySet<number>): ChatChunk {
  const choices = chunk.choices.map((choice) => {
    return finished.has(choice.index) ? { ...choice, delta: {}, finish_reason: null } : choice;
  });
  return { ...chunk, choices };
}

/**
 * How long a stream may stay open whose answers have all finished, in milliseconds: services are known that then send no
 * `[DONE]` and do not close. The chunk with the usage, where it was asked for, is given more time.
 */
const SAID_ALL_MS = 90;
const USAGE_MS = 1000;
