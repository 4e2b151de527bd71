import assert from "node:assert/strict";
import { getEventListeners } from "node:events";
import { test } from "node:test";
import {
  balance,
  type ChatChunk,
  type Code,
  type Concurrency,
  circuitBreaker,
  compose,
  concurrency,
  drain,
  endOn,
  fallback,
  type GatewayError,
  gateway,
  type Handler,
  hedge,
  hold,
  idempotency,
  type Middleware,
  memoryStore,
  type Remedy,
  retry,
  timeout,
} from "@gatewright/core";
import { type FakeClock, fakeClock } from "@gatewright/core/testing";
import fc from "fast-check";
import { type OwnClock, ownClock } from "./own-clock.ts";
import { type Asked, type Caller, DirectVisit, HttpVisit, type Outcome, Provider, type Visit } from "./pipelines.ts";

// Whatever layers are mounted in whatever order, whatever the provider does and whenever callers leave: each call ends
// once, with one whole answer or with a failure, and nothing that it took is kept.

const RUNS = 3000;
const seed = Number(process.env.SEED ?? Date.now() % 2 ** 31);
/** Longer than anything goes on by itself: every wait of a layer, a caller or a provider that ends at all. */
const LONG_MS = 40_000;

const one = <Name extends string>(...names: Name[]): fc.Arbitrary<Name> => fc.constantFrom(...names);
/** Absent more often than not. */
const maybe = <T>(arbitrary: fc.Arbitrary<T>): fc.Arbitrary<T | undefined> =>
  fc.oneof({ weight: 3, arbitrary: fc.constant(undefined) }, { weight: 2, arbitrary });

const tries = fc.integer({ min: 1, max: 4 });
const budget = fc.constantFrom({ share: 1, perSecond: 1000 }, {});
const limit = fc.constantFrom(undefined, 100, 1000);
const size = fc.constantFrom(100_000, 400, 1);

const layer = fc.oneof(
  {
    weight: 2,
    arbitrary: fc.oneof(
      fc.record({ kind: one("retry"), retries: fc.nat(3), maxAttempts: tries, budget }),
      fc.record({ kind: one("fallback"), others: fc.nat(4), maxAttempts: tries }),
      fc.record({ kind: one("hedge"), afterMs: fc.constantFrom(0, 20, 200), maxAttempts: tries, budget }),
      fc.record({ kind: one("timeout"), totalMs: limit, firstTokenMs: limit, completionMs: limit, idleMs: limit }),
      fc.record({ kind: one("hold"), maxChars: size }),
    ),
  },
  {
    weight: 1,
    arbitrary: fc.oneof(
      fc.record({
        kind: one("circuitBreaker"),
        minimumCalls: fc.integer({ min: 1, max: 3 }),
        openMs: fc.constantFrom(1, 100),
      }),
      fc.record({
        kind: one("concurrency"),
        per: one("caller", "model"),
        max: fc.integer({ min: 1, max: 2 }),
        maxWaiting: fc.nat(2),
        maxWaitMs: fc.constantFrom(0, 50, 1000),
      }),
      fc.record({ kind: one("idempotency"), maxChars: size, maxWaitMs: fc.constantFrom(0, 100, 5000) }),
      fc.record({ kind: one("drain"), maxMs: fc.constantFrom(10, 1000), maxChars: size }),
      fc.record({ kind: one("endOn"), afterMs: fc.constantFrom(undefined, undefined, 50, 500, 5000, 0) }),
    ),
  },
);
type Layer = typeof layer extends fc.Arbitrary<infer T> ? T : never;

const pipeline = fc.record({
  layers: fc.array(layer, { maxLength: 6 }),
  /** The layers of each target; `undefined`: the provider alone. */
  balance: maybe(
    fc.record({
      choose: one("least-loaded", "weighted"),
      maxAttempts: tries,
      coolMs: fc.constantFrom(0, 100),
      targets: fc.array(fc.array(layer, { maxLength: 2 }), { minLength: 1, maxLength: 3 }),
    }),
  ),
});
type Pipeline = typeof pipeline extends fc.Arbitrary<infer T> ? T : never;

const failure = fc.oneof(
  {
    weight: 4,
    arbitrary: fc.record({
      kind: one("gateway"),
      code: fc.constantFrom<Code[]>(
        "llm.provider.server_error",
        "llm.provider.overloaded",
        "llm.provider.unreachable",
        "llm.provider.bad_response",
        "llm.provider.rate_limited",
        "llm.provider.auth",
        "llm.provider.quota_exhausted",
        "llm.provider.rejected",
        "llm.request.context_length",
        "llm.timeout.connect",
      ),
      retryAfterMs: fc.constantFrom(undefined, undefined, 0, 500, 5000),
      remedy: fc.constantFrom<(Remedy | undefined)[]>(
        undefined,
        undefined,
        "retry",
        "fallback-first",
        "fallback",
        "none",
      ),
    }),
  },
  { weight: 1, arbitrary: fc.record({ kind: one("error", "value") }) },
);
const heedful = fc.constantFrom(true, true, false);
const delayMs = fc.constantFrom(0, 0, 30, 300, 3000);
const outcome: fc.Arbitrary<Outcome> = fc.oneof(
  { weight: 4, arbitrary: fc.record({ does: one("reject"), heedful, delayMs, failure }) },
  { weight: 1, arbitrary: fc.record({ does: one("throw"), heedful, failure }) },
  { weight: 1, arbitrary: fc.record({ does: one("hang"), heedful }) },
  {
    weight: 6,
    arbitrary: fc.record({
      does: one("answer"),
      heedful,
      delayMs,
      whole: fc.constantFrom(false, false, false, true),
      pieces: fc.nat(5),
      choices: fc.integer({ min: 1, max: 2 }),
      usage: fc.boolean(),
      ready: fc.boolean(),
      gapMs: fc.constantFrom(0, 0, 20, 200),
      gives: maybe(fc.nat(8)),
      ends: fc.oneof(one("end"), one("end"), one("stall"), failure),
    }),
  },
);

const caller = fc.record({
  at: fc.constantFrom(0, 0, 10, 100, 1000),
  leavesAfterMs: maybe(fc.constantFrom(0, 1, 20, 150, 1500)),
  goes: maybe(fc.record({ after: fc.nat(6), by: one("return", "abort", "silence") })),
  gapMs: fc.constantFrom(0, 0, 30, 300),
  ready: fc.boolean(),
  aborts: fc.boolean(),
  stream: fc.boolean(),
  text: fc.constantFrom("a", "b"),
  key: fc.constantFrom(undefined, "one", "two"),
  timeoutMs: fc.constantFrom(undefined, undefined, "40"),
  stainless: fc.constantFrom(undefined, undefined, "1"),
  fallbacks: fc.constantFrom(undefined, undefined, 1, 2),
  retry: fc.constantFrom(undefined, undefined, true, false),
});
type CallerPlan = typeof caller extends fc.Arbitrary<infer T> ? T : never;

const plan = fc.record({
  http: fc.constantFrom(false, true),
  keepAliveMs: fc.constantFrom(15_000, 100),
  pipeline,
  outcomes: fc.array(outcome, { maxLength: 6 }),
  callers: fc.array(caller, { minLength: 1, maxLength: 4 }),
  /** When those leave who are still there. */
  untilMs: fc.constantFrom(LONG_MS, LONG_MS, 0, 15, 120, 600, 2000),
});
type Plan = typeof plan extends fc.Arbitrary<infer T> ? T : never;

test("each call ends once, with one whole answer or a failure, and gives back all it took, in any pipeline", {
  timeout: 90_000,
}, async (t) => {
  t.diagnostic(`SEED=${seed}`);
  const unhandled: unknown[] = [];
  const note = (reason: unknown): void => void unhandled.push(reason);
  // The runner's own watcher would end the test before the counterexample is a small one.
  const watchers = process.rawListeners("unhandledRejection");
  process.removeAllListeners("unhandledRejection").on("unhandledRejection", note);
  t.after(() => {
    process.off("unhandledRejection", note);
    for (const watcher of watchers) process.on("unhandledRejection", watcher as () => void);
  });
  const property = fc.asyncProperty(plan, async (planned) => {
    const complaints = await run(planned);
    complaints.push(...unhandled.splice(0).map((reason) => `nobody handles ${String(reason)}`));
    assert.deepEqual(complaints, []);
  });
  await fc.assert(property, { seed, numRuns: RUNS });
});

/** What was mounted, and what to look at once all is over. */
interface Mounted {
  readonly handler: Handler;
  /** For each way to the provider, its layers, outermost first. */
  readonly paths: readonly (readonly Layer[])[];
  readonly kinds: ReadonlySet<Layer["kind"]>;
  readonly loads: ReadonlyMap<Layer, Concurrency>;
  readonly ends: readonly AbortSignal[];
}

async function run({ pipeline, outcomes, callers, http, keepAliveMs, untilMs }: Plan): Promise<string[]> {
  const clock = fakeClock();
  const own = ownClock(clock);
  const provider = new Provider(outcomes, own);
  const mounted = mount(pipeline, provider, clock, own);
  const told = new Map<string, number>();
  const onError = (_: GatewayError, { id }: { id: string }): void => void told.set(id, (told.get(id) ?? 0) + 1);
  const api = gateway(mounted.handler, { clock, keepAliveMs, onError });
  const visits = callers.map((planned, index): Visit => {
    const made = callerOf(planned);
    const id = `call-${index}`;
    return http ? new HttpVisit(id, made, own, api) : new DirectVisit(id, made, own, mounted.handler);
  });
  const complaints: string[] = [];
  const kept = (): string[] => [
    ...keptOf(visits, provider, mounted),
    ...timersOf(clock.waiting - own.waiting, provider, mounted),
  ];

  await clock.advance(untilMs);
  for (const visit of visits) {
    if (untilMs < LONG_MS || visit.seen.ending || visit.silent) continue;
    const hangs = provider.asked.some(({ request: { call }, state, stalled }) => {
      return call.id === visit.id && !call.signal.aborted && (state === "asked" || (state === "open" && stalled));
    });
    if (!hangs) complaints.push(`${visit.id} waits for nothing`);
  }
  for (const visit of visits) visit.leave(visit.silent && !http ? "silence" : "abort");
  await clock.advance(0);
  if (!goesOn(provider, mounted)) complaints.push(...kept().map((what) => `at once: ${what}`));
  await clock.advance(LONG_MS);
  complaints.push(...kept());

  for (const visit of visits) {
    complaints.push(...complaintsOf(visit, provider, pipeline, mounted));
    const failed = visit.seen.ending === "rejected" || visit.seen.ending === "failed" ? 1 : 0;
    const times = told.get(visit.id) ?? 0;
    if (http && visit.seen.ending !== "left" && times !== failed) complaints.push(`${visit.id}: told ${times} times`);
  }
  return [...complaints, ...provider.faults];
}

/** Whether something may still be done for calls that are over: by a provider that does not listen, or by `drain`. */
function goesOn({ asked }: Provider, { kinds }: Mounted): boolean {
  if (asked.some(({ outcome, state }) => state !== "over" && !outcome.heedful)) return true;
  const waits = ["retry", "hedge", "concurrency", "idempotency"] as const;
  return kinds.has("drain") && (waits.some((kind) => kinds.has(kind)) || asked.some(({ state }) => state !== "over"));
}

function mount({ layers, balance: balanced }: Pipeline, provider: Provider, clock: FakeClock, own: OwnClock): Mounted {
  const loads = new Map<Layer, Concurrency>();
  const ends: AbortSignal[] = [];
  const make = (planned: Layer): Middleware => {
    const { kind } = planned;
    if (kind === "retry") {
      const delays = { baseDelayMs: 20, throttleDelayMs: 100, maxDelayMs: 1000 };
      return retry({ ...planned, ...delays, random: () => 0.5, clock });
    }
    if (kind === "fallback") return fallback({ ...planned, models: { "*": OTHERS.slice(0, planned.others) }, clock });
    if (kind === "hedge") return hedge({ ...planned, clock });
    if (kind === "timeout") {
      const { totalMs, firstTokenMs, completionMs, idleMs } = planned;
      return timeout({
        ...(totalMs && { totalMs }),
        ...(firstTokenMs && { firstTokenMs }),
        ...(completionMs && { completionMs }),
        ...(idleMs && { idleMs }),
        ...(!(firstTokenMs ?? completionMs ?? idleMs) && { totalMs: totalMs ?? 1000 }),
        clock,
      });
    }
    if (kind === "circuitBreaker") return circuitBreaker({ ...planned, maxOpenMs: 400, clock });
    if (kind === "concurrency") {
      const made = concurrency({ ...planned, clock });
      loads.set(planned, made);
      return made;
    }
    if (kind === "idempotency") return idempotency({ ...planned, store: memoryStore({ clock }), clock });
    if (kind === "hold") return hold(planned);
    if (kind === "drain") return drain({ ...planned, clock });
    const end = new AbortController();
    ends.push(end.signal);
    if (planned.afterMs === 0) end.abort();
    else if (planned.afterMs !== undefined) own.after(planned.afterMs, () => end.abort());
    return endOn(end.signal);
  };
  const outer = layers.map(make);
  if (!balanced) {
    const kinds = new Set(layers.map(({ kind }) => kind));
    return { handler: compose(outer, provider.at(0)), paths: [layers], kinds, loads, ends };
  }

  const { choose, maxAttempts, coolMs, targets } = balanced;
  let drawn = 0;
  const spread = balance(
    targets.map((inner, path) => (inner.length > 0 ? compose(inner.map(make), provider.at(path)) : provider.at(path))),
    {
      choose,
      maxAttempts,
      keyCoolDownMs: coolMs,
      quotaCoolDownMs: coolMs,
      coolDownMs: coolMs,
      random: () => [0.1, 0.5, 0.9][drawn++ % 3] ?? 0,
      clock,
    },
  );
  const paths = targets.map((inner) => [...layers, ...inner]);
  const kinds = new Set(paths.flat().map(({ kind }) => kind));
  return { handler: compose(outer, spread), paths, kinds, loads, ends };
}

const OTHERS = ["b", "c", "d", "e"];

function callerOf({ stream, text, key, timeoutMs, stainless, fallbacks, retry, ...rest }: CallerPlan): Caller {
  return {
    ...rest,
    body: {
      model: "m",
      messages: [{ role: "user", content: text }],
      stream,
      ...(stream && { stream_options: { include_usage: true } }),
      ...(fallbacks && { fallbacks: OTHERS.slice(0, fallbacks).map((model) => ({ model })) }),
      ...((fallbacks || retry !== undefined) && {
        fallback_config: { depth: fallbacks ?? 1, ...(retry !== undefined && { retry }) },
      }),
    },
    headers: {
      ...(key && { "idempotency-key": key }),
      ...(timeoutMs && { "x-gateway-timeout-ms": timeoutMs }),
      ...(stainless && { "x-stainless-timeout": stainless }),
    },
  };
}

/** What is wrong with how a call looked to its caller, and with what it cost. */
function complaintsOf({ id, plan, seen }: Visit, provider: Provider, pipeline: Pipeline, mounted: Mounted): string[] {
  const complaints = [...seen.faults];
  const { paths, kinds } = mounted;
  if (seen.ending === undefined) complaints.push("never ended");

  const answer = provider.asked[markOf(seen.chunks[0])[0]];
  for (const [at, chunk] of seen.chunks.entries()) {
    const [number, position] = markOf(chunk);
    if (number !== answer?.number || position !== at) complaints.push(`chunk ${at} is ${number}.${position}`);
  }
  if (answer && answer.request.call.id !== id) {
    const same = JSON.stringify(answer.request.messages) === JSON.stringify(plan.body.messages);
    if (!kinds.has("idempotency") || !answer.complete || !same) complaints.push("the answer is of another call");
  }
  if (answer && !answer.complete) {
    const held = paths[answer.path]?.map((layer) => (layer.kind === "hold" ? layer.maxChars : 0)) ?? [];
    if (sizeOf(answer.chunks) < Math.max(0, ...held)) complaints.push("a failed answer was not held");
  }
  if (seen.ending === "completed") {
    const whole = provider.asked.find(({ complete, chunks, request }) => {
      return complete && textOf(chunks) === seen.text && (kinds.has("idempotency") || request.call.id === id);
    });
    if (seen.text !== undefined && !whole) complaints.push(`completed with ${seen.text}`);
    if (seen.text === undefined && !answer?.complete) complaints.push("completed without a finish");
    // The usage comes after the finish, and may come too late.
    const needed = answer?.chunks.filter(({ choices }) => choices.length > 0) ?? [];
    if (seen.text === undefined && seen.chunks.length < needed.length) complaints.push("a part is missing");
  }
  if (seen.ending === "rejected" || seen.ending === "failed") {
    const { code = "no code" } = seen;
    if (!possible(provider, kinds).has(code)) complaints.push(`nothing here says ${code}`);
  }

  const own = provider.asked.filter(({ request }) => request.call.id === id);
  for (const { number, at } of own) {
    if (at > (seen.begunAt ?? at)) complaints.push(`the provider was asked (${number}) when the answer had begun`);
    const late = at > (seen.endedAt ?? at) && !(seen.ending === "left" && kinds.has("drain"));
    if (late) complaints.push(`the provider was asked (${number}) when the call was over`);
  }
  const most = mostTries(own, pipeline);
  if (own.length > most) complaints.push(`the provider was asked ${own.length} times, ${most} may be`);
  return complaints.map((complaint) => `${id}: ${complaint}`);
}

function markOf(chunk: ChatChunk | undefined): readonly [number: number, position: number] {
  // Every chunk of the provider has one.
  return (chunk?.mark ?? [-1, -1]) as [number, number];
}

function textOf(chunks: readonly ChatChunk[]): string {
  const texts: string[] = [];
  for (const { index, delta } of chunks.flatMap(({ choices }) => choices)) {
    texts[index] = (texts[index] ?? "") + (typeof delta.content === "string" ? delta.content : "");
  }
  return texts.join("");
}

/** Which codes a caller who has not left may see. */
function possible(provider: Provider, kinds: ReadonlySet<Layer["kind"]>): Set<string> {
  const own: Partial<Record<Layer["kind"], readonly Code[]>> = {
    timeout: ["llm.timeout.total", "llm.timeout.first_token", "llm.timeout.idle"],
    circuitBreaker: ["llm.provider.circuit_open"],
    concurrency: ["llm.rate_limit.concurrency", "llm.overloaded"],
    idempotency: ["llm.request.idempotency_conflict"],
    endOn: ["llm.shutting_down"],
  };
  const said = new Set<string>([...kinds].flatMap((kind) => own[kind] ?? []));
  for (const { outcome, complete } of provider.asked) {
    if (outcome.does === "hang") continue;
    const failed = outcome.does === "answer" ? outcome.ends : outcome.failure;
    if (failed === "end" && !complete) said.add("llm.stream.interrupted");
    if (typeof failed === "object") said.add(failed.kind === "gateway" ? failed.code : "llm.internal");
  }
  return said;
}

/**
 * How often one call may ask the provider: the outermost layer that tries again decides, and each key that is refused
 * lets `balance` ask once more.
 */
function mostTries(asked: readonly Asked[], { layers, balance }: Pipeline): number {
  const limits = [...layers, ...(balance ? [balance] : [])].flatMap((planned) => {
    return "maxAttempts" in planned ? [planned.maxAttempts] : [];
  });
  const ofKey = asked.filter(({ outcome }) => {
    const failed = outcome.does === "hang" ? undefined : outcome.does === "answer" ? outcome.ends : outcome.failure;
    return typeof failed === "object" && failed.kind === "gateway" && OF_KEY.includes(failed.code);
  });
  return (limits[0] ?? 1) + (balance ? ofKey.length : 0);
}

const OF_KEY: readonly Code[] = ["llm.provider.auth", "llm.provider.quota_exhausted", "llm.provider.rate_limited"];

/** What is still held once all calls are over. */
function keptOf(visits: readonly Visit[], provider: Provider, mounted: Mounted): string[] {
  const kept: string[] = [];
  for (const asked of provider.asked) {
    if (asked.state === "open" && !beyondReach(asked, visits, mounted)) kept.push(`answer ${asked.number} is open`);
    const listeners = getEventListeners(asked.request.call.signal, "abort").length;
    if (listeners > 0) kept.push(`${listeners} listeners on the signal of the provider's call ${asked.number}`);
  }
  const stuck = stuckLayers(provider, mounted);
  for (const [layer, made] of mounted.loads) {
    const { inFlight, waiting } = made.load();
    const excused = stuck.filter((other) => other === layer).length;
    if (inFlight > excused || waiting > 0) kept.push(`${inFlight} calls in flight, ${waiting} waiting`);
  }
  for (const { id, signal } of visits) {
    const listeners = getEventListeners(signal, "abort").length;
    if (listeners > 0) kept.push(`${listeners} listeners on the signal of ${id}`);
  }
  for (const signal of mounted.ends) {
    const listeners = getEventListeners(signal, "abort").length;
    // One for all calls, as long as the layer is there.
    if (listeners > 1) kept.push(`${listeners} listeners on the signal that ends all`);
  }
  return kept;
}

function timersOf(waiting: number, provider: Provider, mounted: Mounted): string[] {
  const renewed = stuckLayers(provider, mounted).filter(({ kind }) => kind === "idempotency").length;
  return waiting > renewed ? [`${waiting} timers`] : [];
}

/** The layers that wait for a provider which neither answers nor listens, with nothing inside of them that gives up. */
function stuckLayers({ asked }: Provider, { paths }: Mounted): Layer[] {
  return asked.flatMap((each) => {
    const layers = paths[each.path] ?? [];
    const from = stuckFrom(each, layers) ?? 0;
    return layers.slice(givesUp(layers.slice(0, from)) + 1, from);
  });
}

/** Whether an answer that does not listen never came to anybody who could let it go, or came to nobody who does. */
function beyondReach(asked: Asked, visits: readonly Visit[], { paths }: Mounted): boolean {
  const layers = paths[asked.path] ?? [];
  if (stuckFrom(asked, layers) !== undefined) return true;
  const unread = visits.some(({ id, silent }) => silent && id === asked.request.call.id);
  return (asked.stalled || unread) && !asked.outcome.heedful && givesUp(layers) === -1;
}

function givesUp(layers: readonly Layer[]): number {
  return layers.findLastIndex(({ kind }) => GIVES_UP.includes(kind));
}

/** Layers that do not wait for what is inside of them once their call is over. */
const GIVES_UP: readonly Layer["kind"][] = ["timeout", "hedge", "drain", "endOn"];

/** The number of layers around a call of the provider that has not answered, for them, and never will. */
function stuckFrom({ outcome, stalled, chunks }: Asked, layers: readonly Layer[]): number | undefined {
  if (outcome.heedful || (outcome.does !== "hang" && !stalled)) return undefined;
  const visible = outcome.does === "answer" && chunks.length > (outcome.whole ? 0 : 1);
  if (!visible) return layers.length;
  const holds = layers.findLastIndex((layer) => layer.kind === "hold" && sizeOf(chunks) < layer.maxChars);
  return holds === -1 ? undefined : holds + 1;
}

function sizeOf(chunks: readonly ChatChunk[]): number {
  return chunks.reduce((sum, chunk) => sum + JSON.stringify(chunk).length, 0);
}
