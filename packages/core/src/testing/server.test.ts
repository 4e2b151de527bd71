import assert from "node:assert/strict";
import { mock, test } from "node:test";
import type { Gateway } from "../gateway.ts";
import type { HttpReply } from "../http.ts";
import { toFetch } from "../to-fetch.ts";
import { type TestServer, testServer } from "./server.ts";

// What a broken adapter leaves waiting would keep the process alive: keep-alive comments and body timeouts.
mock.timers.enable({ apis: ["setTimeout"] });

type Breakage = (gateway: Gateway) => Gateway;

/** Adapters that break one promise each, and what the contract must say of it. */
const BROKEN: Readonly<Record<string, readonly [breakage: Breakage, expected: RegExp]>> = {
  "loses the status": [(api) => answering(api, (reply) => ({ ...reply, status: 200 })), /status|refuses|failure/],
  "loses the headers": [(api) => answering(api, (reply) => ({ ...reply, headers: {} })), /id|method|stream/],
  "adds [DONE] to a cut stream": [
    (api) => answering(api, (reply) => ({ ...reply, body: doneAfter(reply.body) })),
    /never with \[DONE\]/,
  ],
  "holds a stream back": [(api) => answering(api, (reply) => ({ ...reply, body: held(reply.body) })), /as they come/],
  "knows paths in any case": [
    (api) => ({ ...api, handle: (http) => api.handle({ ...http, path: http.path.toLowerCase() }) }),
    /knows paths exactly/,
  ],
  "never aborts a call": [
    (api) => ({ ...api, handle: (http) => api.handle({ ...http, signal: new AbortController().signal }) }),
    /aborts the call's signal/,
  ],
};

test("an adapter that keeps the contract passes all of it", async () => {
  const { passed, failed } = await contract((api) => api);
  assert.deepEqual(failed, []);
  assert.ok(passed.length > 10);
});

for (const [how, [breakage, expected]] of Object.entries(BROKEN)) {
  test(`the contract finds an adapter that ${how}`, async () => {
    const { failed } = await contract(breakage);
    assert.ok(
      failed.some((name) => expected.test(name)),
      `failed: ${failed.join("; ")}`,
    );
  });
}

test("every server that was started is closed, also where the test fails", async () => {
  const { started, closed } = await contract((api) => answering(api, (reply) => ({ ...reply, status: 599 })));
  assert.ok(started > 10);
  assert.equal(closed, started);
});

/** Runs the whole contract. A test that hangs counts as failed. */
async function contract(
  breakage: Breakage,
): Promise<{ passed: string[]; failed: string[]; started: number; closed: number }> {
  const tests: (readonly [name: string, run: () => Promise<void>])[] = [];
  let started = 0;
  let closed = 0;
  const start = async (api: Gateway): Promise<TestServer> => {
    started++;
    const fetch = toFetch(breakage(api));
    return {
      fetch: (path, init) => fetch(new URL(path, "http://any.test"), init),
      close: async () => {
        closed++;
      },
    };
  };
  testServer((name, run) => tests.push([name, run]), start);
  const passed: string[] = [];
  const failed: string[] = [];
  for (const [name, run] of tests) {
    const ok = await Promise.race([
      run().then(
        () => true,
        () => false,
      ),
      idle().then(() => false),
    ]);
    (ok ? passed : failed).push(name);
  }
  return { passed, failed, started, closed };
}

/** Long enough for everything that is ready: a test in process waits for nothing else. */
async function idle(): Promise<void> {
  for (let turn = 0; turn < 2000; turn++) await new Promise((resolve) => setImmediate(resolve));
}

function answering(api: Gateway, change: (reply: HttpReply) => HttpReply): Gateway {
  return { ...api, handle: async (http) => change(await api.handle(http)) };
}

function doneAfter(body: HttpReply["body"]): HttpReply["body"] {
  if (typeof body === "string") return body;
  return (async function* () {
    yield* body;
    yield "data: [DONE]\n\n";
  })();
}

function held(body: HttpReply["body"]): HttpReply["body"] {
  if (typeof body === "string") return body;
  return (async function* () {
    yield* await all(body);
  })();
}

async function all<T>(pieces: AsyncIterable<T>): Promise<T[]> {
  const read: T[] = [];
  for await (const piece of pieces) read.push(piece);
  return read;
}
