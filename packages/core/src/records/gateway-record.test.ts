import assert from "node:assert/strict";
import { test } from "node:test";
import type { Handler } from "../chat.ts";
import { compose } from "../compose.ts";
import { GatewayError } from "../error.ts";
import { gateway } from "../gateway.ts";
import type { CallRecord, GatewayOptions, HttpReply, HttpRequest } from "../index.ts";
import { auth } from "../middleware/auth.ts";
import { log } from "../middleware/log.ts";
import { settled } from "../testing/outcome.ts";
import { chunksOf, fakeClock, scripted } from "../testing.ts";

const BODY = { model: "m", messages: [{ role: "user", content: "Hi" }] };
const BUSY = new GatewayError("llm.provider.overloaded", "busy");

const NEVER_SEEN: Readonly<Record<string, readonly [code: string, http: Partial<HttpRequest>]>> = {
  "a body that is none": ["llm.request.invalid", { body: { parsed: 5 } }],
  "a body that breaks off": [
    "llm.internal",
    { body: { read: () => Promise.reject(new Error("the connection broke off")) } },
  ],
  "a path that is not there": ["llm.request.not_found", { path: "/nothing" }],
  "a method that is not known": ["llm.request.method_not_allowed", { method: "PUT" }],
  "a caller who may not call": ["llm.auth.invalid_key", { headers: { authorization: "Bearer wrong" } }],
};

for (const [what, [code, http]] of Object.entries(NEVER_SEEN)) {
  test(`${what} has one record, though the pipeline never saw it`, async () => {
    const keys = auth({ keys: [{ name: "alice", key: "right" }] });
    const { records, handle } = setUp(scripted("Hello"), { admit: keys.check });
    const headers = { authorization: "Bearer right", "x-request-id": "r1" };
    const { status } = await handle({ headers, ...http });
    assert.equal(records.length, 1);
    const { error, time, ...record } = records[0] as CallRecord;
    assert.equal(error?.code, code);
    assert.equal(record.status, status);
    assert.deepEqual([record.outcome, record.operation, record.partial], ["failed", "other", false]);
    assert.ok(Date.parse(time) > 0);
    assert.doesNotMatch(JSON.stringify(records), /right|wrong/);
  });
}

test("whoever never got as far as the pipeline is known all the same", async () => {
  const keys = auth({ keys: [{ name: "alice", key: "right" }] });
  const { records, handle } = setUp(scripted("Hello"), { admit: keys.check });
  await handle({ headers: { authorization: "Bearer right" }, body: { parsed: {} } });
  assert.equal(records[0]?.caller, "key alice");
  assert.equal(records[0]?.error?.issues?.length, 2);
});

test("what the pipeline saw is not told again", async () => {
  const { records, handle } = setUp(scripted(BUSY, [...chunksOf("a").slice(0, 2), BUSY]));
  await handle();
  await read(await handle({ body: { parsed: { ...BODY, stream: true } } }));
  await settled();
  assert.deepEqual(
    records.map(({ outcome, error }) => [outcome, error?.code]),
    [
      ["failed", BUSY.code],
      ["interrupted", BUSY.code],
    ],
  );
});

test("a stream that had to begin in silence, and failed, has the status that its caller saw", async () => {
  const clock = fakeClock();
  const failing = Promise.withResolvers<never>();
  const { records, handle } = setUp(() => failing.promise, { keepAliveMs: 1000, clock });
  const replying = handle({ body: { parsed: { ...BODY, stream: true } } });
  await clock.advance(1000);
  const reply = await replying;
  failing.reject(BUSY);
  await read(reply);
  await settled();
  assert.deepEqual(
    records.map(({ outcome, status, partial, error }) => [outcome, status, partial, error?.status]),
    [["failed", 200, false, 503]],
  );
});

for (const [stream, expected] of [
  [true, ["interrupted", 200, true, "llm.internal"]],
  [false, ["failed", 500, false, "llm.internal"]],
] as const) {
  test(`a ${stream ? "stream" : "completion"} that comes, and cannot be put together, is no call that its caller left`, async () => {
    const [first, second] = chunksOf("a");
    const unreadable = {
      index: 0,
      finish_reason: "stop",
      get delta(): never {
        throw new Error("unreadable");
      },
    };
    const chunks = [first, second, { ...second, choices: [unreadable] }].filter((chunk) => chunk !== undefined);
    const { records, handle } = setUp(scripted(chunks));
    await read(await handle({ body: { parsed: { ...BODY, stream } } }));
    await settled();
    assert.deepEqual(
      records.map(({ outcome, status, partial, error }) => [outcome, status, partial, error?.code]),
      [expected],
    );
  });
}

interface Mounted {
  readonly records: CallRecord[];
  readonly handle: (http?: Partial<HttpRequest>) => Promise<HttpReply>;
}

function setUp(provider: Handler, options: GatewayOptions = {}): Mounted {
  const records: CallRecord[] = [];
  const calls = log({ sink: { write: (record) => void records.push(record) } });
  const api = gateway(compose([calls], provider), { ...options, onError: calls.onError });
  const handle = ({ headers, ...http }: Partial<HttpRequest> = {}): Promise<HttpReply> =>
    api.handle({
      method: "POST",
      path: "/chat/completions",
      headers: { "content-type": "application/json", ...headers },
      address: "10.0.0.7",
      signal: new AbortController().signal,
      body: { parsed: BODY },
      ...http,
    });
  return { records, handle };
}

async function read({ body }: HttpReply): Promise<void> {
  if (typeof body !== "string") for await (const _ of body);
}
