import assert from "node:assert/strict";
import { test } from "node:test";
import { collect } from "../collect.ts";
import { compose } from "../compose.ts";
import type { CallRecord, Log, LogOptions, LogSink } from "../index.ts";
import { log } from "../middleware/log.ts";
import { settled } from "../testing/outcome.ts";
import { chat, fakeClock, scripted } from "../testing.ts";

test("a sink that throws or rejects changes nothing for a call, and each record counts as dropped", async () => {
  const broken: Readonly<Record<string, () => unknown>> = {
    throws: () => {
      throw new Error("disk full");
    },
    rejects: () => Promise.reject(new Error("disk full")),
    "is a promise of its own kind that throws": () => ({
      // biome-ignore lint/suspicious/noThenProperty: that is what it is
      then: () => {
        throw new Error("disk full");
      },
    }),
  };
  for (const [how, write] of Object.entries(broken)) {
    const { calls, call } = setUp({ write: write as LogSink["write"] });
    assert.equal(await call(), "Hello", how);
    assert.equal(await call(), "Hello", how);
    await settled();
    assert.equal(calls.dropped(), 2, how);
  }
});

test("a sink that answers at once is written to at once, whatever it answers", async () => {
  for (const answer of [undefined, false, null, 5, "x", {}]) {
    const records: CallRecord[] = [];
    const write = (record: CallRecord): unknown => {
      records.push(record);
      return answer;
    };
    const { calls, call } = setUp({ write: write as LogSink["write"] }, { maxPending: 1 });
    await call();
    await call();
    assert.equal(records.length, 2);
    assert.equal(calls.dropped(), 0);
  }
});

test("a sink that never answers holds as many records as it may, and no call waits", async () => {
  let written = 0;
  const write = (): Promise<void> => {
    written++;
    return new Promise(() => {});
  };
  const { calls, call } = setUp({ write }, { maxPending: 3 });
  for (let at = 0; at < 10; at++) assert.equal(await call(), "Hello");
  assert.equal(written, 3);
  assert.equal(calls.dropped(), 7);
});

test("a place is free again once its record is written, or has failed", async () => {
  const pending: PromiseWithResolvers<void>[] = [];
  const write = (): Promise<void> => {
    const next = Promise.withResolvers<void>();
    pending.push(next);
    return next.promise;
  };
  const { calls, call } = setUp({ write }, { maxPending: 2 });
  for (let at = 0; at < 3; at++) await call();
  assert.equal(pending.length, 2);
  pending[0]?.resolve();
  pending[1]?.reject(new Error("lost"));
  await settled();
  assert.equal(calls.dropped(), 2);
  for (let at = 0; at < 3; at++) await call();
  assert.equal(pending.length, 4);
  assert.equal(calls.dropped(), 3);
});

test("drops are told at once, and then once a second, with how many there were", async () => {
  const clock = fakeClock();
  const told: number[] = [];
  const write = (): never => {
    throw new Error("full");
  };
  const { calls, call } = setUp({ write }, { clock, onDrop: (count) => told.push(count) });
  for (let at = 0; at < 5; at++) await call();
  assert.deepEqual(told, [1]);
  await clock.advance(1000);
  assert.deepEqual(told, [1, 4]);
  await call();
  await clock.advance(999);
  assert.deepEqual(told, [1, 4]);
  await clock.advance(1);
  assert.deepEqual(told, [1, 4, 1]);
  await clock.advance(1000);
  assert.equal(clock.waiting, 0);
  await call();
  assert.deepEqual(told, [1, 4, 1, 1]);
  assert.equal(calls.dropped(), 7);
});

test("whoever is told of drops, and fails, changes nothing", async () => {
  const fail = (): never => {
    throw new Error("no matter");
  };
  const { calls, call } = setUp({ write: fail }, { onDrop: fail });
  assert.equal(await call(), "Hello");
  assert.equal(calls.dropped(), 1);
});

test("a record that cannot be made is dropped, and the call goes on", async () => {
  const { calls, call } = setUp({ write: () => {} });
  // What a layer of somebody's own may leave behind.
  assert.equal(await call({ id: 5 as unknown as string }), "Hello");
  assert.equal(calls.dropped(), 1);
});

interface Mounted {
  readonly calls: Log;
  readonly call: (known?: Parameters<typeof chat>[1]) => Promise<unknown>;
}

function setUp(sink: LogSink, options: Partial<LogOptions> = {}): Mounted {
  const calls = log({ sink, clock: fakeClock(), ...options });
  const handler = compose([calls], (request) => scripted("Hello")(request));
  const call: Mounted["call"] = async (known) => {
    return (await collect(await handler(chat({}, known)))).choices[0]?.message.content;
  };
  return { calls, call };
}
