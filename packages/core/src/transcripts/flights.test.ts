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
  const both = [flights.join("a", never, start), flights.join("a", never, start)];
  resolve(7);
  assert.deepEqual(await Promise.all(both), [7, 7]);
  await flights.join("a", never, start);
  assert.equal(begun, 2);
});

test("who leaves ends its own waiting, and the last the work", async () => {
  const flights = new Flights<never>();
  const [first, second] = [new AbortController(), new AbortController()];
  const begun: AbortSignal[] = [];
  const start = ({ signal }: AbortController): Promise<never> => {
    begun.push(signal);
    return new Promise(() => {});
  };
  const a = flights.join("a", first.signal, start);
  const b = flights.join("a", second.signal, start);
  first.abort(new Error("first left"));
  await assert.rejects(a, /first left/);
  assert.equal(begun[0]?.aborted, false);
  second.abort(new Error("second left"));
  await assert.rejects(b, /second left/);
  assert.equal(begun[0]?.aborted, true);
  // What was aborted is joined by nobody.
  flights.join("a", never, start).catch(() => {});
  assert.deepEqual(
    begun.map(({ aborted }) => aborted),
    [true, false],
  );
});

test("a failure is everybody's, and is forgotten", async () => {
  const flights = new Flights<number>();
  const fail = (): Promise<number> => Promise.reject(new Error("down"));
  const both = [flights.join("a", never, fail), flights.join("a", never, fail)];
  for (const one of both) await assert.rejects(one, /down/);
  assert.equal(await flights.join("a", never, async () => 1), 1);
});

test("no more than 256 begin; one that is under way can still be joined", () => {
  const flights = new Flights<never>();
  for (let name = 0; name < 256; name++) flights.join(String(name), never, () => new Promise(() => {})).catch(() => {});
  assert.equal(flights.isFull("more"), true);
  assert.equal(flights.isFull("255"), false);
});
