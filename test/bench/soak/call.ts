import { setTimeout as pause } from "node:timers/promises";
import type { Dispatcher } from "undici";
import { checkCompletion, checkStream, type Expected, excerptOf, foreign, type Verdict, type Wrong } from "./check.ts";
import type { CallPlan } from "./plan.ts";
import { FAULT_HEADER, MANNER_HEADER, MARKER_HEADER, REACH_HEADER } from "./routes.ts";

/** What came of one call. */
export interface Outcome {
  /** `left`: its caller went; `let go`: the gateway ended the connection of a caller that had stopped reading. */
  readonly ending: Verdict["ending"] | "left" | "let go" | "lost";
  readonly code: string | undefined;
  readonly wrongs: readonly (Wrong | "connection lost")[];
  /** How many tries of the provider it took. */
  readonly attempts: number;
  readonly startedAt: number;
  readonly ms: number;
  readonly replayed: boolean;
  readonly id: string | undefined;
  /** What was received last, of an answer with something wrong. */
  readonly excerpt: string;
}

/** How long who stops reading does so: longer than the gateway waits for it. */
const STOP_MS = 2500;
const SLOW_MS = 30;

/** Makes one call and looks at its answer. Never rejects. `opened` is called with 1 and -1 as a stream begins and ends. */
export async function makeCall(
  dispatcher: Dispatcher,
  origin: string,
  plan: CallPlan,
  copy: number,
  opened: (change: 1 | -1) => void,
): Promise<Outcome> {
  const { marker, text, habit, stream, fault } = plan;
  const expected: Expected = {
    marker,
    requestId: `${marker}.${copy}`,
    texts: fault?.says ? [text, fault.says(text)] : [text],
  };
  const leaving = new AbortController();
  const startedAt = performance.now();
  const timer = habit === "leaves at once" ? setTimeout(() => leaving.abort(), (text.length * 7) % 60) : undefined;
  let received = "";
  let status = 0;
  let attempts = 0;
  let replayed = false;
  let isOpen = false;
  let stopped = false;
  const outcome = (verdict: Verdict, ending: Outcome["ending"], more: Outcome["wrongs"] = []): Outcome => {
    const wrongs = [...verdict.wrongs, ...more];
    const excerpt = wrongs.length > 0 ? excerptOf(received, expected) : "";
    const { code, id } = verdict;
    return { ending, code, wrongs, attempts, startedAt, ms: performance.now() - startedAt, replayed, id, excerpt };
  };
  try {
    const answer = await dispatcher.request({
      origin,
      path: "/v1/chat/completions",
      method: "POST",
      headers: headersFor(plan, expected.requestId),
      body: JSON.stringify({ model: plan.route, stream, messages: [{ role: "user", content: text }] }),
      signal: leaving.signal,
    });
    status = answer.statusCode;
    attempts = Number(answer.headers["x-gateway-attempts"] ?? 0);
    replayed = answer.headers["idempotent-replayed"] === "true";
    const isStream = status === 200 && stream;
    if (isStream) opened(1);
    isOpen = isStream;
    for await (const piece of answer.body.setEncoding("utf8")) {
      received += piece;
      if (habit === "leaves in the middle" && received.length > text.length * 2) leaving.abort();
      if (habit === "reads slowly") await pause(SLOW_MS);
      if (habit === "stops reading" && !stopped) {
        stopped = true;
        await pause(STOP_MS);
      }
    }
    const verdict = isStream ? checkStream(received, true, expected) : checkCompletion(status, received, expected);
    const mixed = answer.headers["x-request-id"] !== expected.requestId;
    const inHeaders = foreign(JSON.stringify(answer.headers), expected);
    return outcome(verdict, verdict.ending, mixed ? ["bytes of another call"] : inHeaders);
  } catch (error) {
    // What came until then must be right as well.
    const came = status === 200 && stream ? checkStream(received, false, expected) : undefined;
    const verdict = came ?? { ending: "none", code: undefined, wrongs: [], id: undefined };
    if (leaving.signal.aborted) return outcome(verdict, "left");
    if (stopped) return outcome(verdict, "let go");
    received += `\n[${error instanceof Error ? `${error.name}: ${error.message}` : String(error)}]`;
    return outcome(verdict, "lost", ["connection lost"]);
  } finally {
    clearTimeout(timer);
    if (isOpen) opened(-1);
  }
}

function headersFor(plan: CallPlan, requestId: string): Record<string, string> {
  return {
    "content-type": "application/json",
    authorization: `Bearer ${plan.callerKey}`,
    "x-request-id": requestId,
    [MARKER_HEADER]: plan.marker,
    [MANNER_HEADER]: plan.manner.join("+"),
    [REACH_HEADER]: plan.reach,
    ...(plan.fault && { [FAULT_HEADER]: plan.fault.directives }),
    ...(plan.idempotent && { "idempotency-key": plan.marker }),
  };
}
