import assert from "node:assert/strict";
import { test } from "node:test";
import { attempts } from "../attempts.ts";
import { caller } from "../caller.ts";
import type { ChatChunk } from "../chat.ts";
import { collect } from "../collect.ts";
import { compose } from "../compose.ts";
import { GatewayError } from "../error.ts";
import type { CallRecord, LimitDecision } from "../index.ts";
import { log } from "../middleware/log.ts";
import { cacheLookups, limitDecisions } from "../notes.ts";
import { settled } from "../testing/outcome.ts";
import { chat, scripted } from "../testing.ts";

const MANY = 200;
const LONG = "a long text, ".repeat(10_000);
const times = <T>(make: (at: number) => T): T[] => Array.from({ length: MANY }, (_, at) => make(at));

test("a record has a bound, whatever callers, models, providers and layers bring along", async () => {
  const records: CallRecord[] = [];
  const calls = log({ sink: { write: (record) => void records.push(record) } });
  const limits = times((at) => {
    return { name: LONG, counts: "requests", capacity: at, periodMs: 1, cost: 1, remaining: 1, resetMs: 1, waitMs: 0 };
  }) as LimitDecision["limits"];
  const verdicts = times(() => ({ type: LONG, path: LONG, fixes: limits.map(() => LONG) }));
  const chunk: ChatChunk = {
    model: LONG,
    choices: times((index) => ({
      index,
      delta: { content: LONG, tool_calls: [{ index: 0, function: { name: `${index}${LONG}`, arguments: LONG } }] },
      finish_reason: `${index}${LONG}`,
      post_processing: verdicts,
    })),
  };
  const error = new GatewayError("llm.provider.rejected", LONG, {
    cause: new Error(LONG),
    issues: times(() => ({ path: LONG, message: LONG })),
  });
  const handler = compose([calls], async (request) => {
    const { context } = request.call;
    context.set(caller, { name: LONG });
    context.set(
      attempts,
      times((at) => ({ provider: LONG, model: `${at}`, upstreamRequestId: LONG, durationMs: at })),
    );
    context.set(
      limitDecisions,
      times(() => ({ layer: LONG, allowed: true, dryRun: true, limits })),
    );
    context.set(
      cacheLookups,
      times(() => ({ layer: "cache", hit: true })),
    );
    return scripted([chunk, error])(request);
  });
  const json_schema = { name: LONG, schema: { description: LONG } };
  const response_format = { type: "json_schema", json_schema };
  const request = chat({ model: LONG, stream: true, response_format }, { id: LONG });
  const startedAt = performance.now();
  await assert.rejects(async () => collect(await handler(request)));
  await settled();
  assert.ok(performance.now() - startedAt < 5000);

  const [record] = records;
  assert.ok(record);
  assert.equal(calls.dropped(), 0);
  assert.ok(JSON.stringify(record).length < 100_000, `${JSON.stringify(record).length} characters`);
  const { attempts: made, limits: told, cache, tools, finish_reasons, post_processing, error: failed } = record;
  const lists = [made, told, cache, tools, finish_reasons, post_processing, failed?.issues];
  assert.deepEqual(
    lists.map((list) => list?.length),
    [32, 32, 32, 32, 8, 32, 20],
  );
  // The last ones: those that led to the end.
  assert.equal(made.at(-1)?.duration_ms, MANY - 1);
  assert.deepEqual([record.retries, record.fallbacks], [0, MANY - 1]);
});
