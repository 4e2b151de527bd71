import assert from "node:assert/strict";
import {
  type ChatRequest,
  GatewayError,
  type Limit,
  type LimitDecision,
  type LimitStore,
  memoryStore,
  type Rate,
  rateLimit,
  type Subject,
} from "@gatewright/core";
import { ASSUMED, type CallPlan, type Happened, LimitedCall } from "./limits-calls.ts";
import { Count } from "./limits-model.ts";

/** One layer of limits, and the calls that come to it. */
export interface Day {
  readonly limits: readonly LimitPlan[];
  readonly dryRun: boolean;
  readonly calls: readonly CallPlan[];
}

export interface LimitPlan {
  readonly amount: { readonly requests: number } | { readonly tokens: number };
  readonly comesBack: { readonly windowMs: number } | { readonly refillPerSecond: number };
  readonly subject: Subject | readonly Subject[] | undefined;
  readonly weight: number | ((request: ChatRequest) => number) | undefined;
}

/** A count that a call is taken from. */
interface Held {
  readonly key: string;
  readonly count: Count;
  readonly limit: LimitPlan;
  readonly name: string;
  readonly weight: number;
  readonly cost: number;
  /** The stretch it was taken from, once it was. */
  stretch: number;
}

/** Runs all calls, and compares with the log after each thing that happens. */
export async function runDay(day: Day): Promise<void> {
  const clock = { ms: 0 };
  const memory = memoryStore({ clock: { now: () => clock.ms, after: () => () => {} } });
  const counts = new Map<string, Count>();
  /** The key of each in the store. */
  const keys = new Map<string, string>();
  let holding: Held[] = [];
  const store: LimitStore = {
    draw(group, draws, settle) {
      for (const [at, { key }] of settle ? [] : draws.entries()) keys.set(holding[at]?.key ?? "", key);
      return memory.draw(group, draws, settle);
    },
  };
  let decision: LimitDecision | undefined;
  const layer = rateLimit({
    limits: day.limits.map(limitOf),
    store,
    mode: day.dryRun ? "dry-run" : "enforce",
    countTokens: ({ messages }) => String(messages[0]?.content).length,
    assumedOutputTokens: ASSUMED,
    onDecision: (told) => {
      decision = told;
    },
  });

  const compare = async (names: Iterable<string>): Promise<void> => {
    for (const name of names) {
      const count = counts.get(name);
      const key = keys.get(name);
      assert.ok(count && key !== undefined, name);
      const { states } = await memory.draw("group", [{ key, rate: count.rate, cost: 0 }], true);
      const { since: _, ...state } = states[0] ?? { since: "" };
      assert.deepEqual(state, { ...count.look(clock.ms, 0), waitMs: 0 }, name);
    }
  };
  const start = async (call: LimitedCall): Promise<{ readonly happened: Happened; readonly held: Held[] }> => {
    const held = heldBy(day.limits, call, counts);
    const waits = held.map(({ count, cost }) => count.wait(clock.ms, cost));
    const taken = waits.every((wait) => wait === 0);
    if (taken) {
      for (const each of held) {
        each.stretch = each.count.stretch(clock.ms);
        each.count.change(clock.ms, each.cost);
      }
    }
    const expected = held.map(({ name, count, cost, limit: { amount } }, at) => {
      const { capacity, periodMs } = count.rate;
      const look = { ...count.look(clock.ms, 0), waitMs: waits[at] };
      return { name, counts: "tokens" in amount ? "tokens" : "requests", capacity, periodMs, cost, ...look };
    });
    holding = held;
    decision = undefined;
    const byTokens = held.length > 0 && day.limits.some(({ amount }) => "tokens" in amount);
    const happened = await call.start(taken || day.dryRun, taken && byTokens);
    assert.deepEqual(
      decision,
      held.length === 0 ? undefined : { layer: "rateLimit", allowed: taken, dryRun: day.dryRun, limits: expected },
    );
    const refused = call.thrown instanceof GatewayError && call.thrown.code.startsWith("llm.rate_limit.");
    assert.equal(refused, !taken && !day.dryRun);
    return { happened, held: taken ? held : [] };
  };
  const settle = (held: readonly Held[], tokens: number): void => {
    for (const { count, limit, weight, cost, stretch } of held) {
      if ("tokens" in limit.amount) count.change(clock.ms, weight * tokens - cost, stretch);
    }
  };

  const calls = day.calls.map((plan) => new LimitedCall(plan, layer));
  const turns = calls.map((call) => ({ call, at: call.plan.at, held: undefined as Held[] | undefined }));
  const going = new Set(turns);
  while (going.size > 0) {
    const turn = [...going].reduce((one, other) => (other.at < one.at ? other : one));
    clock.ms = turn.at;
    turn.at += turn.call.plan.gapMs;
    let happened: Happened;
    if (turn.held) happened = await turn.call.next();
    else ({ happened, held: turn.held } = await start(turn.call));
    if (happened.what === "ended") settle(turn.held, happened.tokens);
    await compare(turn.held.map(({ key }) => key));
    if (turn.call.over) going.delete(turn);
  }

  const faults = calls.flatMap((call) => call.end());
  assert.deepEqual(faults, []);
  // No two counts are kept under one key.
  assert.equal(new Set(keys.values()).size, counts.size);
  await compare(counts.keys());
  clock.ms += 1e9;
  await compare(counts.keys());
  for (const count of counts.values()) assert.equal(count.look(clock.ms, 0).resetMs, 0);
}

function limitOf({ amount, comesBack, subject, weight }: LimitPlan, at: number): Limit {
  const rest = { name: `limit ${at}`, ...(subject && { per: subject }), ...(weight !== undefined && { weight }) };
  // TypeScript does not multiply out the two amounts and the two ways they come back.
  return { ...amount, ...comesBack, ...rest } as Limit;
}

function rateOf({ amount, comesBack }: LimitPlan): Rate {
  const capacity = "tokens" in amount ? amount.tokens : amount.requests;
  if ("windowMs" in comesBack) return { kind: "window", capacity, periodMs: comesBack.windowMs };
  return { kind: "bucket", capacity, periodMs: (capacity * 1000) / comesBack.refillPerSecond };
}

/** What a call is taken from. */
function heldBy(limits: readonly LimitPlan[], call: LimitedCall, counts: Map<string, Count>): Held[] {
  const held: Held[] = [];
  for (const [at, limit] of limits.entries()) {
    const parts = [limit.subject ?? "caller"].flat().map((subject) => {
      return typeof subject === "function" ? subject(call.request) : subjectOf(call.plan, subject as Named);
    });
    if (parts.includes(undefined)) continue;
    const key = JSON.stringify([at, ...parts]);
    const count = counts.get(key) ?? new Count(rateOf(limit));
    counts.set(key, count);
    const { weight = 1 } = limit;
    const each = typeof weight === "function" ? weight(call.request) : weight;
    const cost = each * ("tokens" in limit.amount ? call.reserved : 1);
    held.push({ key, count, limit, name: `limit ${at}`, weight: each, cost, stretch: 0 });
  }
  return held;
}

type Named = "caller" | "address" | "model";

function subjectOf({ caller, address, model }: CallPlan, subject: Named): string {
  if (subject === "model") return model;
  return subject === "caller" && caller !== undefined ? `the caller ${caller}` : address;
}
