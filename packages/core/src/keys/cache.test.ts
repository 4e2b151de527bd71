import assert from "node:assert/strict";
import { test } from "node:test";
import { GatewayError } from "../error.ts";
import { auth } from "../middleware/auth.ts";
import { type FakeClock, fakeClock, chat as request } from "../testing.ts";
import { cachedLookup, type KeyCacheOptions, type KeyLookup, type KeySource } from "./cache.ts";
import { hashOf, type KeyRecord } from "./record.ts";

/** A database of two keys, `good` and `other`, whose answers a test may hold back, fail or count. */
class Database {
  readonly asked: string[] = [];
  readonly gone = new Set<string>();
  down: Error | undefined;
  /** Set: what is asked waits for `answer`. */
  slow = false;
  #waiting: (() => void)[] = [];

  readonly lookup: KeyLookup = async (sha256) => {
    this.asked.push(sha256);
    if (this.slow) await new Promise<void>((resolve) => this.#waiting.push(resolve));
    if (this.down) throw this.down;
    const name = ["good", "other", "third"].find((key) => sha256Of(key) === sha256 && !this.gone.has(key));
    return name === undefined ? undefined : { name, sha256 };
  };

  answer(): void {
    for (const resolve of this.#waiting.splice(0)) resolve();
  }
}

function setUp(options: KeyCacheOptions = {}): { database: Database; clock: FakeClock; source: KeySource } {
  const database = new Database();
  const clock = fakeClock();
  return { database, clock, source: cachedLookup(database.lookup, options, 2000, clock) };
}

function sha256Of(key: string): string {
  return hashOf(key).toString("hex");
}

async function nameOf(source: KeySource, key: string): Promise<string | undefined> {
  return (await source(sha256Of(key)))?.caller.name;
}

test("an answer is kept for its time, a miss for a shorter one", async () => {
  const { database, clock, source } = setUp();
  for (let call = 0; call < 3; call++) {
    assert.equal(await nameOf(source, "good"), "good");
    assert.equal(await nameOf(source, "wrong"), undefined);
  }
  assert.equal(database.asked.length, 2);
  await clock.advance(10_000);
  await nameOf(source, "good");
  await nameOf(source, "wrong");
  assert.deepEqual(database.asked.slice(2), [sha256Of("wrong")]);
  await clock.advance(50_000);
  await nameOf(source, "good");
  assert.equal(database.asked.at(-1), sha256Of("good"));
  assert.equal(clock.waiting, 0);
});

test("only a hash reaches the look-up", async () => {
  const { database, source } = setUp();
  await nameOf(source, "good");
  assert.deepEqual(database.asked, [sha256Of("good")]);
});

test("an answer that is no promise is asked for at each call", () => {
  let asked = 0;
  const record = { name: "good", sha256: sha256Of("good") };
  const lookup: KeyLookup = (sha256) => {
    asked++;
    return sha256 === record.sha256 ? record : undefined;
  };
  const source = cachedLookup(lookup, {}, 2000, fakeClock());
  for (let call = 0; call < 3; call++) source(sha256Of("good"));
  for (let call = 0; call < 3; call++) assert.equal(source(sha256Of("wrong")), undefined);
  assert.equal(asked, 6);
});

test("calls with one key share a look-up", async () => {
  const { database, source } = setUp();
  database.slow = true;
  const calls = Array.from({ length: 50 }, () => nameOf(source, "good"));
  database.answer();
  assert.deepEqual(new Set(await Promise.all(calls)), new Set(["good"]));
  assert.equal(database.asked.length, 1);
});

test("a flood of wrong keys pushes no good one out, and is bounded itself", async () => {
  const { database, source } = setUp({ maxEntries: 10 });
  await nameOf(source, "good");
  for (let key = 0; key < 100; key++) await nameOf(source, `wrong ${key}`);
  database.asked.length = 0;
  await nameOf(source, "good");
  await nameOf(source, "wrong 99");
  assert.deepEqual(database.asked, []);
  await nameOf(source, "wrong 0");
  assert.equal(database.asked.length, 1);
});

test("of more keys than are kept, the one that was not used for longest is asked for again", async () => {
  const { database, source } = setUp({ maxEntries: 2 });
  for (const name of ["good", "other", "good", "third", "good", "other"]) await nameOf(source, name);
  assert.deepEqual(database.asked, ["good", "other", "third", "other"].map(sha256Of));
});

test("a key that is gone is gone once its time is over", async () => {
  const { database, clock, source } = setUp();
  await nameOf(source, "good");
  database.gone.add("good");
  await clock.advance(60_000);
  assert.equal(await nameOf(source, "good"), undefined);
  // What is known to be gone does not come back when the look-up fails.
  database.down = new Error("down");
  await clock.advance(10_000);
  await assert.rejects(nameOf(source, "good"), { code: "llm.auth.unavailable" });
});

test("while the look-up fails, what was known stays good for its time, and is asked for once a second", async () => {
  const { database, clock, source } = setUp();
  await nameOf(source, "good");
  database.down = new Error("down");
  await clock.advance(60_000);
  database.asked.length = 0;
  for (let call = 0; call < 5; call++) assert.equal(await nameOf(source, "good"), "good");
  assert.equal(database.asked.length, 1);
  await clock.advance(1000);
  assert.equal(await nameOf(source, "good"), "good");
  assert.equal(database.asked.length, 2);
  await clock.advance(299_000);
  await unavailable(nameOf(source, "good"), database.down);
  database.down = undefined;
  assert.equal(await nameOf(source, "good"), "good");
});

test("a key that nobody knows yet is not to be checked while the look-up fails, however it does", async () => {
  const thrown = new Error("down");
  const throws: KeyLookup = () => {
    throw thrown;
  };
  for (const lookup of [throws, () => Promise.reject(thrown)]) {
    await unavailable(nameOf(cachedLookup(lookup, {}, 2000, fakeClock()), "good"), thrown);
  }
});

test("a look-up that takes too long is a failure", async () => {
  const { database, clock, source } = setUp();
  database.slow = true;
  const call = nameOf(source, "good");
  const failed = unavailable(call, /2000 ms/);
  await clock.advance(2000);
  await failed;
  // What comes too late is not listened to, and the next call asks again.
  database.answer();
  database.slow = false;
  assert.equal(await nameOf(source, "good"), "good");
  assert.equal(database.asked.length, 2);
  assert.equal(clock.waiting, 0);
});

test("256 look-ups of unknown keys may be under way; one more is not begun, but of a key that was known it is", async () => {
  const { database, clock, source } = setUp();
  await nameOf(source, "good");
  await clock.advance(60_000);
  database.slow = true;
  const wrong = Array.from({ length: 256 }, (_, key) => nameOf(source, `wrong ${key}`));
  await unavailable(nameOf(source, "other"), /256/);
  database.gone.add("good");
  const revoked = nameOf(source, "good");
  const joined = nameOf(source, "wrong 7");
  assert.equal(database.asked.length, 258);
  database.answer();
  assert.equal(await revoked, undefined, "wrong keys keep none alive");
  await Promise.all([...wrong, joined]);
  database.slow = false;
  assert.equal(await nameOf(source, "other"), "other");
});

test("a record that cannot be used fails the look-up, and the cause names its field", async () => {
  for (const record of [{ name: "good" }, { name: "good", sha256: sha256Of("good"), expires_at: null }]) {
    // What a database may hold.
    const lookup = (async () => record) as unknown as KeyLookup;
    await unavailable(nameOf(cachedLookup(lookup, {}, 2000, fakeClock()), "good"), /^auth: the record of a look-up/);
  }
});

test("null is nothing, as databases say it", async () => {
  const lookup = (async () => null) as unknown as KeyLookup;
  assert.equal(await nameOf(cachedLookup(lookup, {}, 2000, fakeClock()), "good"), undefined);
});

const headers = { "x-api-key": "good" };

test("a record of another key than was asked for lets nobody in", async () => {
  const record: KeyRecord = { name: "other", sha256: sha256Of("other") };
  for (const keys of [() => record, async () => record]) {
    await assert.rejects(auth({ keys }).check(request("Hi", { headers }).call), { code: "llm.auth.invalid_key" });
  }
});

test("whether a key has expired is looked at in each call, also of a record that is kept", async (t) => {
  t.mock.timers.enable({ apis: ["Date"], now: 0 });
  const layer = auth({ keys: async (sha256) => ({ name: "good", sha256, expiresAt: new Date(5000) }) });
  await layer.check(request("Hi", { headers }).call);
  t.mock.timers.tick(5000);
  await assert.rejects(layer.check(request("Hi", { headers }).call), {
    code: "llm.auth.invalid_key",
    message: /expired/,
  });
});

test("a caller that leaves ends its own waiting, and no one else's", async () => {
  const database = new Database();
  database.slow = true;
  const layer = auth({ keys: database.lookup, clock: fakeClock() });
  const leaves = new AbortController();
  const first = layer.check(request("Hi", { headers, signal: leaves.signal }).call);
  const second = layer.check(request("Hi", { headers }).call);
  const left = new Error("left");
  leaves.abort(left);
  await assert.rejects(first, (error) => error === left);
  database.answer();
  await second;
  assert.equal(database.asked.length, 1);
});

async function unavailable(call: Promise<unknown>, cause: Error | RegExp): Promise<void> {
  await assert.rejects(call, (error) => {
    assert.ok(error instanceof GatewayError);
    assert.equal(error.code, "llm.auth.unavailable");
    assert.equal(error.status, 503);
    assert.equal(error.retryAfterMs, 1000);
    if (cause instanceof RegExp) assert.match(String((error.cause as Partial<Error>).message), cause);
    else assert.equal(error.cause, cause);
    return true;
  });
}
