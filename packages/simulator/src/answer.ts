import { bodyFault } from "./body-faults.ts";
import type { ChatRequest } from "./chat-request.ts";
import { choicesOf } from "./choices.ts";
import type { Completion } from "./completion.ts";
import { connectionFault, unsolicited } from "./connection-faults.ts";
import type { Directives } from "./directives.ts";
import { headersFor } from "./headers.ts";
import { jsonAnswer } from "./json-answer.ts";
import { split } from "./split.ts";
import { END, isHead, type Step, wait } from "./step.ts";
import { streamAnswer } from "./stream-answer.ts";
import { usageOf } from "./usage.ts";

/** A call that has been read: what was asked for, and what is to be simulated. */
export interface ChatCall {
  /** 24 digits that no other call of the simulator has. */
  readonly id: string;
  readonly seed: number;
  readonly request: ChatRequest;
  /** The plain model name. */
  readonly model: string;
  readonly directives: Directives;
  /** The caller's key, which the body of a 401 repeats in part. */
  readonly key: string | undefined;
}

/** The answer to a call. Of several faults the one that comes earliest on the wire wins. */
export function answer(call: ChatCall): Iterable<Step> {
  const { directives } = call;
  const headers = headersFor(call.id, directives);
  let steps =
    connectionFault(directives) ?? bodyFault(directives, headers, call.model, call.key) ?? whole(call, headers);
  if (directives.truncate) steps = truncated(steps);
  if (directives.first) steps = withFirst(steps, directives.first);
  if (directives.split) steps = split(steps, directives.split);
  if (directives["early-hints"]) steps = chain([{ kind: "hints" }], steps);
  if (directives.unsolicited) steps = chain(steps, [END, unsolicited()]);
  return directives.delay ? chain([wait(directives.delay)], steps) : steps;
}

function whole(call: ChatCall, headers: Record<string, string>): Iterable<Step> {
  const { id, seed, request, model, directives } = call;
  const choices = choicesOf(request, directives, seed, id);
  const usage = usageOf(request, choices, directives);
  const completion: Completion = {
    id: `chatcmpl-${id}`,
    created: Math.floor(Date.now() / 1000),
    model,
    choices,
    usage,
  };
  const streams = request.stream ? !directives["json-for-stream"] && !directives.gzip : directives["sse-for-json"];
  return streams
    ? streamAnswer(completion, directives, headers, request.includeUsage)
    : jsonAnswer(completion, directives, headers);
}

function* chain(...runs: readonly Iterable<Step>[]): Generator<Step> {
  for (const run of runs) yield* run;
}

/** Waits between the head and the body. */
function* withFirst(steps: Iterable<Step>, ms: number): Generator<Step> {
  for (const step of steps) {
    yield step;
    if (isHead(step)) yield wait(ms);
  }
}

/** Promises a body of 1 GiB, and closes when the real one is over. */
function* truncated(steps: Iterable<Step>): Generator<Step> {
  for (const step of steps) {
    yield isHead(step) ? { ...step, headers: { ...step.headers, "content-length": "1073741824" } } : step;
  }
  yield { kind: "close" };
}
