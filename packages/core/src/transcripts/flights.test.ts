import assert from "node:assert/strict";
import { test } from "node:test";
import { Flights } from "./flights.ts";

const never = new AbortController().signal;

test("those who ask for one name share one flight, and the next begins another", async () => {
  const flights = new Flights<number>();
  const { promise, resolve } = Promise.withResolvers<number>();
  let begun = 0;
  const start = (): Promise<number> => {
    begun++;
    return promise;
  };
  const both = [flights.join("a", "key alice", never, start), flights.join("a", "key alice", never, start)];
  resolve(7);
  assert.deepEqual(await Promise.all(both), [7, 7]);
  await flights.join("a", "key alice", never, start);
  assert.equal(begun, 2);
});

test("who leaves ends its own waiting, and the last the work", { timeout: 5000 }, async () => {
  const flights = new Flights<never>();
  const [first, second] = [new AbortController(), new AbortController()];
  const begun: AbortSignal[] = [];
  const start = ({ signal }: AbortController): Promise<never> => {
    begun.push(signal);
    return new Promise(() => {});
  };
  const a = flights.join("a", "key alice", first.signal, start);
  const b = flights.join("a", "key alice", second.signal, start);
  first.abort(new Error("first left"));
  await assert.rejects(a, /first left/);
  assert.equal(begun[0]?.aborted, false);
  second.abort(new Error("second left"));
  await assert.rejects(b, /second left/);
  assert.equal(begun[0]?.aborted, true);
  // What was aborted is joined by nobody.
  flights.join("a", "key alice", never, start).catch(() => {});
  assert.deepEqual(
    begun.map(({ aborted }) => aborted),
    [true, false],
  );
});

test("a failure is everybody's, and is forgotten", async () => {
  const flights = new Flights<number>();
  const fail = (): Promise<number> => Promise.reject(new Error("down"));
  const both = [flights.join("a", "key alice", never, fail), flights.join("a", "key alice", never, fail)];
  for (const one of both) await assert.rejects(one, /down/);
  assert.equal(await flights.join("a", "key alice", never, async () => 1), 1);
});

test("no more than 256 begin, and 32 of one owner; one that is under way can still be joined", () => {
  const flights = new Flights<never>();
  const begin = (name: string, owner: string | undefined): void => {
    flights.join(name, owner, never, () => new Promise(() => {})).catch(() => {});
  };
  for (let name = 0; name < 32; name++) begin(`alice's ${name}`, "key alice");
  assert.equal(flights.isFull("more", "key alice"), true);
  assert.equal(flights.isFull("alice's 31", "key alice"), false);
  assert.equal(flights.isFull("more", "key bob"), false);
  for (let name = 32; name < 256; name++) begin(String(name), undefined);
  for (const owner of ["key bob", undefined]) assert.equal(flights.isFull("more", owner), true);
  assert.equal(flights.isFull("255", undefined), false);
});

test("what is over, and what all have left, makes room", async () => {
  const flights = new Flights<number>();
  const leaving = new AbortController();
  const begun = Array.from({ length: 32 }, (_, name) => {
    return flights.join(String(name), "key alice", leaving.signal, () => new Promise(() => {}));
  });
  leaving.abort(new Error("left"));
  await Promise.allSettled(begun);
  assert.equal(flights.isFull("more", "key alice"), false);
  for (let name = 0; name < 100; name++) await flights.join(String(name), "key alice", never, async () => 1);
  assert.equal(flights.isFull("more", "key alice"), false);
});
