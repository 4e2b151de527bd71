import { type Completion, chunkStart } from "./completion.ts";
import type { Directives } from "./directives.ts";
import { errorJson } from "./errors.ts";
import { filler } from "./filler.ts";
import { CLOSE, RESET, SILENCE, type Step } from "./step.ts";

/** Something that goes wrong after so many chunks of the answer; nothing follows the last one. */
export interface Strike {
  readonly after: number;
  readonly last: boolean;
  readonly steps: Iterable<Step>;
}

/** Where an answer breaks off, be it a stream or not; the earliest place first. */
export function breaksOf({ reset, close, stall, cut }: Directives): Strike[] {
  return [
    ...strike(reset, true, () => [RESET]),
    ...strike(close, true, () => [CLOSE]),
    ...strike(stall === "first" ? 0 : stall, true, () => [SILENCE]),
    ...strike(cut, true, () => []),
  ].sort(earliestFirst);
}

/** Everything that goes wrong within a stream, the earliest place first. */
export function strikesOf(
  directives: Directives,
  completion: Completion,
  frame: (data: string, type?: string) => string,
): Strike[] {
  const start = chunkStart(completion);
  const event = (after: number | undefined, data: string, type?: string) =>
    strike(after, false, () => [frame(data, type)]);
  const afterOne = (wanted: unknown) => (wanted === undefined ? undefined : 1);
  const { "error-status": status = 500, "long-line": length = 0 } = directives;
  const other = chunkStart({ ...completion, id: `${completion.id}-other` });
  return [
    ...event(directives.malformed, `${start},"choices":[{"index":0,"delta":{"content":"half of wh`),
    ...event(directives["no-choices"], `${start}}`),
    ...event(directives["unknown-event"], '{"type":"ping"}', "ping"),
    ...event(afterOne(directives["duplicate-start"]), `${other},"choices":[${START_CHOICE}]}`),
    ...strike(directives["error-event"], true, () => [frame(errorJson(status, directives.code, completion.model))]),
    ...strike(directives["cut-line"], true, () => [`data: ${start},"choi`]),
    ...strike(afterOne(directives["long-line"]), true, () => lineOf(length)),
    ...breaksOf(directives),
  ].sort(earliestFirst);
}

const START_CHOICE = '{"index":0,"delta":{"role":"assistant","content":""},"logprobs":null,"finish_reason":null}';

function strike(after: unknown, last: boolean, steps: () => Iterable<Step>): Strike[] {
  return typeof after === "number" ? [{ after, last, steps: steps() }] : [];
}

function earliestFirst(a: Strike, b: Strike): number {
  return a.after - b.after;
}

function* lineOf(length: number): Generator<Step> {
  yield "data: ";
  yield* filler(length - 6);
}
