import assert from "node:assert/strict";
import { getEventListeners } from "node:events";
import { test } from "node:test";
import { collect } from "../collect.ts";
import { compose } from "../compose.ts";
import { GatewayError } from "../error.ts";
import type { ChatChunk, Drawn, Handler, LimitStore } from "../index.ts";
import { discard } from "../reply.ts";
import { memoryStore } from "../stores/memory-store.ts";
import { failureOf, settled, textOf, UNFINISHED, type Way } from "../testing/outcome.ts";
import { chat, chunksOf, fakeClock, type Outcome, scripted } from "../testing.ts";
import { rateLimit } from "./rate-limit.ts";

const LEFT = new GatewayError("llm.canceled", "left");
const failure = new GatewayError("llm.provider.overloaded", "busy");
const CAPACITY = 1000;
const PROMPT = 20;
const TOKENS = { tokens: CAPACITY, windowMs: 60_000 };
const REQUESTS = { requests: 10, windowMs: 60_000 };

/** What is charged, and how a call ends. Of each answer one token was seen. */
const ENDS: Readonly<Record<string, readonly [used: number, way: Way]>> = {
  ...Object.fromEntries(
    Object.entries(UNFINISHED).map(([how, way]) => {
      const used = how === "fails before it begins" ? 0 : how.startsWith("is canceled") ? PROMPT : PROMPT + 1;
      return [how, [used, way]] as const;
    }),
  ),
  "is canceled before it begins, by a handler that ignores it": [
    PROMPT,
    [() => new Promise(() => {}), (_replying, leave) => leave()],
  ],
  "is complete": [PROMPT + 1, [chunksOf("a"), async (replying) => collect(await replying)]],
  "fails by a handler that throws at once": [
    0,
    [
      () => {
        throw failure;
      },
      (replying) => assert.rejects(replying),
    ],
  ],
  "is let go by a caller who went, twice": [
    PROMPT + 1,
    [
      chunksOf("a"),
      async (replying, leave) => {
        const reply = await replying;
        leave();
        await discard(reply);
        await discard(reply);
      },
    ],
  ],
  "is read to its end by a caller who then goes": [
    PROMPT + 1,
    [
      chunksOf("a"),
      async (replying, leave) => {
        await collect(await replying);
        leave();
      },
    ],
  ],
  "hangs in the middle, and its caller goes": [
    PROMPT + 1,
    [
      async () => ({ headers: {}, chunks: hangingAfter("a") }),
      async (replying, leave) => {
        await replying;
        leave();
      },
    ],
  ],
  "begins after its caller went, by a handler that ignores it": [
    PROMPT,
    [
      (request) =>
        settled()
          .then(settled)
          .then(() => scripted(chunksOf("a"))(request)),
      async (replying, leave) => {
        leave();
        await collect(await replying);
      },
    ],
  ],
};

for (const [how, [used, [outcome, end]]] of Object.entries(ENDS)) {
  test(`a call that ${how} is charged ${used} tokens, once, and its request`, async () => {
    const { ask, stop, steps, left } = setUp([REQUESTS, TOKENS], outcome);
    const replying = ask();
    replying.catch(() => {});
    await settled();
    assert.deepEqual(steps[0]?.left, [9, CAPACITY - PROMPT - 500]);
    await end(replying, () => stop.abort(LEFT));
    for (let turn = 0; turn < 5; turn++) await settled();
    assert.deepEqual(left(), [CAPACITY - used]);
    assert.equal(steps.length, 2);
    assert.equal(getEventListeners(stop.signal, "abort").length, 0);
  });
}

test("a caller who leaves while the store is asked reaches no provider, and gets its tokens back", async () => {
  for (const limits of [[TOKENS], [REQUESTS, TOKENS]]) {
    const { ask, stop, hold, handler, left } = setUp(limits, "never");
    const go = hold();
    const replying = ask();
    await settled();
    stop.abort(LEFT);
    go();
    await assert.rejects(replying, (thrown) => thrown === LEFT);
    await settled();
    assert.equal(handler.requests.length, 0);
    assert.equal(left().at(-1), CAPACITY);
  }
});

test("a caller who leaves while the store is asked reaches no provider where requests alone are limited", async () => {
  const { ask, stop, hold, handler } = setUp([REQUESTS], "never");
  const go = hold();
  const replying = ask();
  await settled();
  stop.abort(LEFT);
  go();
  await assert.rejects(replying, (thrown) => thrown === LEFT);
  assert.equal(handler.requests.length, 0);
});

test("a settlement that the store refuses does no harm to the call", async () => {
  for (const outcome of ["a", failure] as const) {
    const { ask, refuseSettlements } = setUp([TOKENS], outcome);
    refuseSettlements();
    if (outcome === failure) assert.equal(await failureOf(ask()), failure);
    else assert.equal(await textOf(ask()), "a");
    await settled();
  }
});

test("what a store let pass without counting it is not given back to it", async () => {
  const answer: Outcome = [...chunksOf("a"), { choices: [], usage: { total_tokens: 30 } }];
  for (const outcome of [failure, answer]) {
    const { ask, steps, letPass } = setUp([TOKENS], outcome);
    letPass();
    await ask().then(collect, () => {});
    await settled();
    const given = steps.flatMap(({ costs }) => costs).filter((cost) => cost < 0);
    assert.deepEqual(given, []);
  }
});

/** An answer that stays open after a piece of text. */
async function* hangingAfter(text: string): AsyncGenerator<ChatChunk> {
  yield* chunksOf(text).slice(0, 2);
  await new Promise(() => {});
}

/** A pipeline of one layer whose calls all have one signal, and a store that can be held up. */
function setUp(limits: Parameters<typeof rateLimit>[0]["limits"], ...outcomes: readonly Outcome[]) {
  const memory = memoryStore({ clock: fakeClock() });
  const steps: { readonly settle: boolean; readonly costs: readonly number[]; readonly left: readonly number[] }[] = [];
  let held = Promise.resolve();
  let refuses = false;
  let passes = false;
  const store: LimitStore = {
    async draw(group, draws, settle): Promise<Drawn> {
      await held;
      if (refuses && settle) throw new Error("the store is gone");
      if (passes && !settle) return { taken: true, states: [] };
      const drawn = await memory.draw(group, draws, settle);
      steps.push({
        settle,
        costs: draws.map(({ cost }) => cost),
        left: drawn.states.map(({ remaining }) => remaining),
      });
      return drawn;
    },
  };
  const stop = new AbortController();
  const handler = scripted(...outcomes);
  const pipeline: Handler = compose([rateLimit({ limits, store, countTokens: () => PROMPT })], handler);
  return {
    ask: () => pipeline(chat({ max_tokens: 500 }, { signal: stop.signal })),
    stop,
    handler,
    steps,
    left: () => steps.at(-1)?.left ?? [],
    /** Lets the store answer nothing until the returned function is called. */
    hold: () => {
      const { promise, resolve } = Promise.withResolvers<void>();
      held = promise;
      return resolve;
    },
    refuseSettlements: () => {
      refuses = true;
    },
    letPass: () => {
      passes = true;
    },
  };
}
