import { type ChunkEvent, chunkEvents } from "./chunk-events.ts";
import type { Completion } from "./completion.ts";
import type { Directives } from "./directives.ts";
import { GIBIBYTE } from "./filler.ts";
import { open } from "./respond.ts";
import { framing } from "./sse.ts";
import { type Head, SILENCE, type Step, wait } from "./step.ts";
import { strikesOf } from "./strikes.ts";

/** A completion as a stream, at the pace, in the form and with the faults that the directives ask for. */
export function* streamAnswer(
  completion: Completion,
  directives: Directives,
  headers: Head["headers"],
  includeUsage: boolean,
): Generator<Step> {
  const { trickle, pace = 0 } = directives;
  const frame = framing(directives);
  const strikes = strikesOf(directives, completion, frame);
  const endless = trickle !== undefined || directives.endless;
  const events = chunkEvents(completion, directives, includeUsage);

  yield open(directives.status ?? 200, { ...headers, "cache-control": "no-cache" }, "text/event-stream; charset=utf-8");
  if (directives.bom) yield "\uFEFF";
  if (directives.pings) yield* pings(pace);
  let sent = 0;
  for (const { data, part } of endless ? repeated(events) : events) {
    const late = part === "finish" || part === "end";
    for (let next = strikes[0]; next && (late || sent >= next.after); next = strikes[0]) {
      yield* next.steps;
      if (next.last) return;
      strikes.shift();
    }
    if (part === "content" && sent++ > 0 && (trickle || pace)) yield wait(trickle ?? pace);
    yield frame(data);
  }
  if (directives["keep-open"]) yield SILENCE;
}

function* pings(pace: number): Generator<Step> {
  for (;;) {
    yield ": ping\n\n";
    yield wait(Math.max(pace, 5));
  }
}

/** The events up to the finish, with the content over and over. */
function* repeated(events: Iterable<ChunkEvent>): Generator<ChunkEvent> {
  const contents: ChunkEvent[] = [];
  for (const event of events) {
    if (event.part === "finish" || event.part === "end") break;
    yield event;
    if (event.part === "content") contents.push(event);
  }
  const round = contents.reduce((length, event) => length + event.data.length, 0);
  for (let sent = round; sent < GIBIBYTE; sent += round) yield* contents;
}
