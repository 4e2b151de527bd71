import assert from "node:assert/strict";
import { type TestContext, test } from "node:test";
import type { ChatReply, ChatRequest, Handler } from "./chat.ts";
import { type GatewayOptions, gateway } from "./gateway.ts";
import { chunksOf, fakeClock, scripted, testServer } from "./testing.ts";
import { toFetch } from "./to-fetch.ts";

const URL_OF_CHAT = "https://any.test/v1/chat/completions";
const BODY = JSON.stringify({ model: "m", prompt: "Hi" });
const STREAM = JSON.stringify({ model: "m", prompt: "Hi", stream: true });

testServer(test, async (api) => {
  const fetch = toFetch(api);
  return { fetch: (path, init) => fetch(new URL(path, "http://any.test"), init), close: async () => {} };
});

test("a Request, a URL and a string are taken, and init goes over the Request", async () => {
  const handler = scripted("a", "b", "c", "d");
  const fetch = toFetch(gateway(handler));
  assert.equal((await fetch(new Request(URL_OF_CHAT, init()))).status, 200);
  assert.equal((await fetch(new URL(URL_OF_CHAT), init())).status, 200);
  assert.equal((await fetch(URL_OF_CHAT, init())).status, 200);
  const other = { body: JSON.stringify({ model: "other", prompt: "Hi" }) };
  assert.equal((await fetch(new Request(URL_OF_CHAT, init()), init(other))).status, 200);
  assert.equal(handler.requests[3]?.model, "other");
});

test("the prefix is taken off the path, and nothing is under another", async () => {
  const status = async (prefix: string, path: string): Promise<number> =>
    (await toFetch(gateway(scripted(), { models: [] }), { prefix })(`http://any.test${path}`)).status;
  assert.equal(await status("/api/llm", "/api/llm/models"), 200);
  assert.equal(await status("", "/models"), 200);
  assert.equal(await status("/api/llm", "/v1/models"), 404);
  assert.equal(await status("/v1", "/models"), 404);
  assert.throws(() => toFetch(gateway(scripted()), { prefix: "v1" }), TypeError);
});

test("headers are handed on with names in lower case, and the caller has no address", async () => {
  const handler = scripted("a");
  await toFetch(gateway(handler))(URL_OF_CHAT, init({ headers: { "Content-Type": "application/json", "X-A": "b" } }));
  assert.equal(handler.requests[0]?.call.headers["x-a"], "b");
  assert.equal(handler.requests[0]?.call.address, undefined);
});

test("a body that comes in pieces is read, and held to the limit", async () => {
  const fetch = toFetch(gateway(scripted("a"), { maxBodyBytes: 100 }));
  const pieces = (text: string): RequestInit => {
    const body = new ReadableStream({
      start(controller) {
        for (const char of text) controller.enqueue(Buffer.from(char));
        controller.close();
      },
    });
    // `duplex` is what Node's fetch asks for with a stream; the types do not know it.
    return { ...init(), body, duplex: "half" } as RequestInit;
  };
  assert.equal((await fetch(URL_OF_CHAT, pieces(BODY.padEnd(100)))).status, 200);
  assert.equal((await fetch(URL_OF_CHAT, pieces(" ".repeat(101)))).status, 413);
});

test("a body over the limit is no longer asked for", async () => {
  let canceled = false;
  const body = new ReadableStream({
    pull: (controller) => controller.enqueue(Buffer.alloc(64)),
    cancel: () => {
      canceled = true;
    },
  });
  const fetch = toFetch(gateway(scripted(), { maxBodyBytes: 100 }));
  // `duplex` is what Node's fetch asks for with a stream; the types do not know it.
  assert.equal((await fetch(URL_OF_CHAT, { ...init(), body, duplex: "half" } as RequestInit)).status, 413);
  assert.ok(canceled);
});

test("a body that does not come in time is 408, and no longer asked for", async () => {
  const clock = fakeClock();
  const { init: slow, canceled } = endless();
  const answer = toFetch(gateway(scripted(), { bodyTimeoutMs: 1000, clock }))(URL_OF_CHAT, slow());
  await clock.advance(1000);
  assert.equal((await answer).status, 408);
  assert.ok(canceled());
});

test("a signal that is aborted already rejects at once, with its reason", async () => {
  const reason = new Error("left");
  const signal = AbortSignal.abort(reason);
  await assert.rejects(toFetch(gateway(scripted("a")))(URL_OF_CHAT, init({ signal })), (error) => error === reason);
});

test("a signal that is aborted already rejects, also while the body has not come", async () => {
  const { init: slow } = endless();
  let rejected = false;
  const clock = fakeClock();
  toFetch(gateway(scripted(), { clock }))(URL_OF_CHAT, slow({ signal: AbortSignal.abort() })).catch(() => {
    rejected = true;
  });
  await clock.advance(0);
  await clock.advance(0);
  assert.ok(rejected);
});

test("a signal that aborts while the body comes rejects, with its reason", async () => {
  const clock = fakeClock();
  const stop = new AbortController();
  const { init: slow, canceled } = endless();
  const answer = toFetch(gateway(scripted(), { clock }))(URL_OF_CHAT, slow({ signal: stop.signal }));
  await clock.advance(0);
  const reason = new Error("left");
  stop.abort(reason);
  await assert.rejects(answer, (error) => error === reason);
  assert.ok(canceled());
  assert.equal(clock.waiting, 0);
});

test("a signal that aborts before the answer ends the call, and rejects with its reason", async () => {
  const stop = new AbortController();
  const called = Promise.withResolvers<AbortSignal>();
  const handler: Handler = ({ call: { signal } }) => {
    called.resolve(signal);
    return new Promise((_, reject) => signal.addEventListener("abort", () => reject(signal.reason)));
  };
  const answer = toFetch(gateway(handler))(URL_OF_CHAT, init({ signal: stop.signal }));
  const signal = await called.promise;
  assert.equal(signal.aborted, false);
  const reason = new Error("left");
  stop.abort(reason);
  await assert.rejects(answer, (error) => error === reason);
  assert.ok(signal.aborted);
});

test("a signal that aborts in the middle fails the stream, and lets go of the reply", async () => {
  const stop = new AbortController();
  const handler = scripted(chunksOf("a", "b", "c", "d"));
  const answer = await toFetch(gateway(handler))(URL_OF_CHAT, init({ body: STREAM, signal: stop.signal }));
  const reader = bodyOf(answer).getReader();
  await reader.read();
  assert.equal(handler.open, 1);
  stop.abort();
  await assert.rejects(
    async () => {
      while (!(await reader.read()).done);
    },
    { name: "AbortError" },
  );
  await fakeClock().advance(0);
  assert.equal(handler.open, 0);
  assert.ok(handler.requests[0]?.call.signal.aborted);
});

test("whenever a signal aborts, the answer or its body rejects, and the reply is let go", async () => {
  for (const body of [BODY, STREAM]) {
    let whole = 0;
    for (let turns = 0; turns < 200; turns++) {
      const handler = scripted(chunksOf("a", "b"));
      const stop = new AbortController();
      let ended = false;
      const reading = fetchOf(handler)(URL_OF_CHAT, init({ body, signal: stop.signal }))
        .then((answer) => answer.text())
        .then(
          () => whole++,
          (error: unknown) => assert.equal(Reflect.get(Object(error), "name"), "AbortError"),
        )
        .finally(() => {
          ended = true;
        });
      for (let turn = 0; turn < turns; turn++) await null;
      stop.abort();
      for (let turn = 0; turn < 20 && !(ended && handler.open === 0); turn++) await fakeClock().advance(0);
      assert.ok(ended, `aborted after ${turns} microtasks, it hangs`);
      assert.equal(handler.open, 0, `aborted after ${turns} microtasks, the reply stays open`);
      await reading;
    }
    // Some were too late to matter, and some were not.
    assert.ok(whole > 0 && whole < 200, `${whole} answers were whole`);
  }
});

test("a caller who cancels the body ends the call, and lets go of the reply", async () => {
  const handler = scripted(chunksOf("a", "b", "c", "d"));
  const answer = await toFetch(gateway(handler))(URL_OF_CHAT, init({ body: STREAM }));
  const reader = bodyOf(answer).getReader();
  await reader.read();
  await reader.cancel();
  assert.equal(handler.open, 0);
  assert.ok(handler.requests[0]?.call.signal.aborted);
});

test("a caller who cancels the body while the model is silent ends the call", async () => {
  const clock = fakeClock();
  const { handler, request } = silentAfterStart();
  const answer = await fetchOf(handler, { clock })(URL_OF_CHAT, init({ body: STREAM }));
  const reader = bodyOf(answer).getReader();
  await reader.read();
  await clock.advance(0);
  const canceled = reader.cancel();
  await clock.advance(0);
  assert.ok((await request).call.signal.aborted);
  await canceled;
  assert.equal(clock.waiting, 0);
});

test("a call is over when its stream has been read, and not before", async () => {
  const handler = scripted(chunksOf("a"));
  const answer = await toFetch(gateway(handler))(URL_OF_CHAT, init({ body: STREAM }));
  assert.equal(handler.requests[0]?.call.signal.aborted, false);
  assert.match(await answer.text(), /DONE/);
  assert.ok(handler.requests[0]?.call.signal.aborted);
});

test("a call that is over listens to nobody any more", async (t) => {
  const listening = countAbortListeners(t);
  for (const body of [BODY, STREAM]) {
    const stop = new AbortController();
    const before = listening();
    const _request = new Request(URL_OF_CHAT, init({ body, signal: stop.signal }));
    const ofRequest = listening() - before;
    const answer = await toFetch(gateway(scripted("a")))(URL_OF_CHAT, init({ body, signal: stop.signal }));
    await answer.text();
    assert.equal(listening() - before, 2 * ofRequest);
  }
});

test("a stream is made only as fast as it is read", async () => {
  let made = 0;
  const handler: Handler = async () => ({
    headers: {},
    chunks: (async function* () {
      for (const chunk of chunksOf(...Array<string>(100).fill("x"))) {
        made++;
        yield chunk;
      }
    })(),
  });
  const answer = await fetchOf(handler)(URL_OF_CHAT, init({ body: STREAM }));
  const reader = bodyOf(answer).getReader();
  await reader.read();
  await fakeClock().advance(0);
  assert.ok(made < 10, `${made} chunks were made for one that was read`);
  await reader.cancel();
});

test("a caller who reads nothing of its stream for too long ends the call, and is told when it comes back", async (t) => {
  t.mock.timers.enable({ apis: ["setTimeout"] });
  for (const reads of [0, 1, 2]) {
    const handler = scripted(chunksOf("a", "b", "c", "d"));
    const answer = await fetchOf(handler, { writeIdleMs: 1000, clock: fakeClock() })(
      URL_OF_CHAT,
      init({ body: STREAM }),
    );
    const reader = bodyOf(answer).getReader();
    for (let read = 0; read < reads; read++) await reader.read();
    await fakeClock().advance(0);
    t.mock.timers.tick(999);
    await fakeClock().advance(0);
    assert.equal(handler.open, 1, `after ${reads} reads`);
    assert.equal(handler.requests[0]?.call.signal.aborted, false);
    t.mock.timers.tick(1);
    await fakeClock().advance(0);
    assert.equal(handler.open, 0, `after ${reads} reads`);
    assert.ok(handler.requests[0]?.call.signal.aborted);
    await assert.rejects(reader.read(), { code: "llm.canceled" });
  }
});

test("a caller who reads on in time, however slowly, gets the whole answer", async (t) => {
  t.mock.timers.enable({ apis: ["setTimeout"] });
  const handler = scripted(chunksOf("a", "b", "c", "d"));
  const answer = await fetchOf(handler, { writeIdleMs: 1000, clock: fakeClock() })(URL_OF_CHAT, init({ body: STREAM }));
  const reader = bodyOf(answer).getReader();
  let text = "";
  for (let next = await reader.read(); !next.done; next = await reader.read()) {
    text += Buffer.from(next.value).toString();
    await fakeClock().advance(0);
    t.mock.timers.tick(999);
  }
  assert.match(text, /"a"[\s\S]*"d"[\s\S]*\[DONE\]/);
  // Nothing is left that could fail it now.
  t.mock.timers.tick(10_000);
  assert.ok((await reader.read()).done);
});

test("a model that is silent for long is no caller who reads nothing", async (t) => {
  t.mock.timers.enable({ apis: ["setTimeout"] });
  const { handler, request } = silentAfterStart();
  const answer = await fetchOf(handler, { writeIdleMs: 1000, clock: fakeClock() })(URL_OF_CHAT, init({ body: STREAM }));
  const reader = bodyOf(answer).getReader();
  await reader.read();
  void reader.read().catch(() => {});
  await fakeClock().advance(0);
  t.mock.timers.tick(10_000);
  await fakeClock().advance(0);
  const { signal } = (await request).call;
  assert.equal(signal.aborted, false);
  await reader.cancel();
  assert.ok(signal.aborted);
});

function init(more: RequestInit = {}): RequestInit {
  return { method: "POST", headers: { "content-type": "application/json" }, body: BODY, ...more };
}

function fetchOf(handler: Handler, options?: GatewayOptions): ReturnType<typeof toFetch> {
  return toFetch(gateway(handler, options));
}

function bodyOf(answer: Response): ReadableStream<Uint8Array> {
  assert.ok(answer.body);
  return answer.body;
}

/** How many listeners wait for an abort, whatever the signal. */
function countAbortListeners(t: TestContext): () => number {
  const listeners = new Map<unknown, Set<unknown>>();
  const { addEventListener, removeEventListener } = EventTarget.prototype;
  type Add = typeof addEventListener;
  t.mock.method(EventTarget.prototype, "addEventListener", function (this: EventTarget, ...args: Parameters<Add>) {
    const [type, listener] = args;
    if (type === "abort") listeners.set(this, (listeners.get(this) ?? new Set()).add(listener));
    addEventListener.apply(this, args);
  });
  type Remove = typeof removeEventListener;
  t.mock.method(
    EventTarget.prototype,
    "removeEventListener",
    function (this: EventTarget, ...args: Parameters<Remove>) {
      const [type, listener] = args;
      if (type === "abort") listeners.get(this)?.delete(listener);
      removeEventListener.apply(this, args);
    },
  );
  return () => [...listeners.values()].reduce((sum, { size }) => sum + size, 0);
}

/** A request whose body never ends and never comes, and whether it was canceled. */
function endless(): { init: (more?: RequestInit) => RequestInit; canceled: () => boolean } {
  let canceled = false;
  const body = new ReadableStream({
    cancel: () => {
      canceled = true;
    },
  });
  // `duplex` is what Node's fetch asks for with a stream; the types do not know it.
  return { init: (more) => ({ ...init(more), body, duplex: "half" }) as RequestInit, canceled: () => canceled };
}

/** A handler that shows one chunk and then waits for the end of the call. */
function silentAfterStart(): { handler: Handler; request: Promise<ChatRequest> } {
  const called = Promise.withResolvers<ChatRequest>();
  const handler: Handler = async (request): Promise<ChatReply> => {
    called.resolve(request);
    const { signal } = request.call;
    return {
      headers: {},
      chunks: (async function* () {
        yield* chunksOf("a").slice(0, 2);
        await new Promise((_, reject) => signal.addEventListener("abort", () => reject(signal.reason)));
      })(),
    };
  };
  return { handler, request: called.promise };
}
