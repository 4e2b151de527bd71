import assert from "node:assert/strict";
import { test } from "node:test";
import { type FakeClock, fakeClock } from "@gatewright/core/testing";
import { Availability, NO_ANSWER, type StateChange } from "./availability.ts";
import type { Command } from "./client.ts";
import { script } from "./script.ts";

const command: Command = { script: script("return 1"), keys: ["key"], values: [] };

interface Sent {
  readonly key: string | undefined;
  answer(value: unknown): void;
  fail(thrown: unknown): void;
}

interface Played {
  readonly clock: FakeClock;
  readonly told: readonly StateChange[];
  readonly sent: readonly Sent[];
  readonly redis: Availability;
  /** The command that was sent last. */
  last(): Sent;
}

/** A Redis that a test plays: each command waits for the answer that it is given. */
function played(): Played {
  const clock = fakeClock();
  const told: StateChange[] = [];
  const sent: Sent[] = [];
  const run = ({ keys }: Command): Promise<unknown> =>
    new Promise((answer, fail) => sent.push({ key: keys[0], answer, fail }));
  const probe = (shard: number): Command => ({ ...command, keys: [`probe ${shard}`] });
  const redis = new Availability(run, probe, 50, (change) => void told.push(change), clock);
  return { clock, told, sent, redis, last: () => sent.at(-1) ?? assert.fail("nothing was sent") };
}

test("an answer in time is passed on, and no timer is left", async () => {
  const { redis, clock, last, told } = played();
  const asked = redis.ask(3, command);
  await clock.advance(49);
  last().answer("text");
  assert.equal(await asked, "text");
  assert.deepEqual([clock.waiting, redis.up, redis.timedOut, told.length], [0, true, 0, 0]);
});

test("after an answer that is late nothing more is sent, and it is told once", async () => {
  const { redis, clock, sent, told } = played();
  const asked = [redis.ask(3, command), redis.ask(4, command)];
  await clock.advance(50);
  assert.deepEqual(await Promise.all(asked), [NO_ANSWER, NO_ANSWER]);
  for (let times = 0; times < 100; times++) assert.equal(await redis.ask(5, command), NO_ANSWER);
  assert.equal(sent.length, 2);
  assert.deepEqual(told, [{ state: "down", reason: "no answer within 50 ms" }]);
  assert.deepEqual([redis.up, redis.timedOut, redis.failed, clock.waiting], [false, 2, 0, 0]);
});

test("a failure is one at once, with its reason", async () => {
  const many = new AggregateError([]);
  for (const [thrown, reason] of [
    [new Error("READONLY You can't write"), "READONLY You can't write"],
    [Object.assign(many, { code: "ECONNREFUSED" }), "ECONNREFUSED"],
    ["text", "the client failed"],
    [new Error("x".repeat(1000)), `${"x".repeat(299)}…`],
  ] as const) {
    const { redis, last, told, clock } = played();
    const asked = redis.ask(3, command);
    last().fail(thrown);
    assert.equal(await asked, NO_ANSWER);
    assert.deepEqual(told, [{ state: "down", reason }]);
    assert.deepEqual([redis.failed, redis.timedOut, clock.waiting], [1, 0, 0]);
  }
});

test("a late answer goes to who wants it, and a late failure to nobody", async () => {
  const { redis, clock, sent } = played();
  const late: unknown[] = [];
  const asked = [1, 2].map((shard) => redis.ask(shard, command, (answer) => late.push(answer)));
  await clock.advance(50);
  assert.deepEqual(await Promise.all(asked), [NO_ANSWER, NO_ANSWER]);
  sent[0]?.answer("late");
  sent[1]?.fail(new Error("late"));
  await clock.advance(0);
  assert.deepEqual(late, ["late"]);
  assert.equal(redis.failed, 0);
});

test("half a second later a call begins a probe where it failed, and does not wait for it", async () => {
  const { redis, clock, sent, last, told } = played();
  const asked = redis.ask(3, command);
  last().fail(new Error("gone"));
  await asked;
  await clock.advance(499);
  assert.equal(await redis.ask(5, command), NO_ANSWER);
  assert.equal(sent.length, 1);
  await clock.advance(1);
  assert.equal(await redis.ask(5, command), NO_ANSWER);
  assert.equal(last().key, "probe 3");
  assert.equal(clock.waiting, 0);
  last().answer(1);
  await clock.advance(0);
  assert.deepEqual(
    told.map(({ state }) => state),
    ["down", "up"],
  );
  const works = redis.ask(5, command);
  last().answer("text");
  assert.equal(await works, "text");
});

test("there is one probe at a time, and one that fails or is late changes nothing", async () => {
  const { redis, clock, sent, last } = played();
  const asked = redis.ask(3, command);
  last().fail(new Error("gone"));
  await asked;
  for (let times = 0; times < 10; times++) {
    await clock.advance(1000);
    await redis.ask(5, command);
  }
  assert.equal(sent.length, 3, "the first is not answered, and after five seconds not waited for any more");
  last().answer(1);
  await clock.advance(0);
  assert.equal(redis.up, false);
  for (let times = 0; times < 10; times++) {
    await redis.ask(5, command);
    last().fail(new Error("still gone"));
    await clock.advance(250);
  }
  assert.equal(sent.length, 8);
  await redis.ask(5, command);
  await clock.advance(50);
  last().answer(1);
  await clock.advance(0);
  assert.deepEqual([redis.up, redis.failed], [true, 1]);
});

test("each outage is told", async () => {
  const { redis, clock, last, told } = played();
  for (let times = 0; times < 2; times++) {
    const asked = redis.ask(3, command);
    last().fail(new Error("gone"));
    await asked;
    await clock.advance(500);
    await redis.ask(3, command);
    last().answer(1);
    await clock.advance(0);
  }
  const states = told.map(({ state }) => state);
  assert.deepEqual(states, ["down", "up", "down", "up"]);
});
