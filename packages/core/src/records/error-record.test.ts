import assert from "node:assert/strict";
import { test } from "node:test";
import { collect } from "../collect.ts";
import { compose } from "../compose.ts";
import { GatewayError } from "../error.ts";
import type { CallRecord, ErrorRecord, LogOptions } from "../index.ts";
import { log } from "../middleware/log.ts";
import { settled } from "../testing/outcome.ts";
import { chat, scripted } from "../testing.ts";

const PROMPT = "Tell nobody that the merger with Acme is on the 4th of May.";

test("an error is told with all that it says of itself", async () => {
  const issues = [{ path: "messages[0].content", message: "too long" }];
  const cause = Object.assign(new Error("connect 10.0.0.9:443"), { code: "ECONNREFUSED" });
  const error = new GatewayError("llm.provider.unreachable", "openai refused", { issues, cause, retryable: false });
  assert.deepEqual(await recordOf(error), {
    code: "llm.provider.unreachable",
    status: 502,
    phase: "before",
    layer: "network",
    origin: "upstream",
    retryable: false,
    message: "openai refused",
    issues,
    cause: "connect 10.0.0.9:443 (ECONNREFUSED)",
  });
});

test("a defect is told with its stack, and with those of its causes", async () => {
  const inner = new TypeError("inner");
  const { code, message, cause = "" } = await recordOf(new Error("outer", { cause: inner }));
  assert.equal(code, "llm.internal");
  assert.equal(message, "The gateway failed to handle this call.");
  assert.match(cause, /^Error: outer\n {4}at .*error-record\.test\.ts.*\ncaused by: TypeError: inner\n {4}at /s);
});

test("what is thrown may be anything, and holds nothing that was not meant as text", async () => {
  const trap = new Error("trap");
  Object.defineProperty(trap, "stack", {
    get: () => {
      throw new Error("caught");
    },
  });
  const causes: readonly (readonly [thrown: unknown, cause: string | undefined])[] = [
    ["a text", "a text"],
    [{ prompt: PROMPT }, "(a thrown object)"],
    [null, "(a thrown object)"],
    [5, "(a thrown number)"],
    [trap, undefined],
    [Object.assign(new Error("x"), { stack: 5 }), "(a thrown object)"],
  ];
  for (const [thrown, cause] of causes) {
    const error = await recordOf(new GatewayError("llm.internal", "defect", { cause: thrown }));
    assert.equal(error.cause, cause);
  }
});

test("a cause that is no error and no text is not told", async () => {
  for (const cause of [{ status: 400, requestId: "req" }, undefined, null, ""]) {
    const error = await recordOf(new GatewayError("llm.provider.rejected", "no", { cause }));
    assert.equal(Object.hasOwn(error, "cause"), false);
  }
});

test("a prompt that is quoted is hidden, in the words of a provider and in those of a defect", async () => {
  const said = new GatewayError("llm.provider.rejected", `refused: ${PROMPT}`, { cause: new Error(PROMPT) });
  assert.equal((await recordOf(said)).message, "refused: […]");
  assert.equal((await recordOf(said)).cause, "[…]");
  const defect = await recordOf(new Error(`cannot handle {"content":${JSON.stringify(PROMPT)}}`));
  assert.match(defect.cause ?? "", /^Error: cannot handle \{"content":"\[…\]"\}\n {4}at /);
});

test("what the model answered is in no error, unless content is shown", async () => {
  const cause = new Error(`The model answered: ${PROMPT}`);
  const error = new GatewayError("llm.output.invalid_json", "no JSON", { cause });
  assert.equal((await recordOf(error)).cause, undefined);
  const content = (text: string): string => text.replace("Acme", "A…");
  assert.equal((await recordOf(error, { content })).cause, cause.message.replace("Acme", "A…"));
});

test("all of it is bounded, on one line but for a stack, and without credentials", async () => {
  const long = `sk-0123456789abcdef\n\u001b[31m\u2028${"x".repeat(100_000)}`;
  const issues = Array.from({ length: 100 }, () => ({ path: long, message: long }));
  const error = await recordOf(new GatewayError("llm.provider.rejected", long, { issues, cause: new Error(long) }));
  assert.equal(error.issues?.length, 20);
  assert.ok(error.message.length <= 1000 && (error.cause ?? "").length <= 1000);
  assert.match(JSON.stringify(error), /sk-\*\*\*/);
  assert.doesNotMatch(JSON.stringify(error), /0123456789abcdef|\\n|\\u|\u2028/);
  assert.ok(JSON.stringify(error).length < 15_000);
  const defect = await recordOf(new Error(long));
  assert.ok((defect.cause ?? "").length <= 4000);
  assert.doesNotMatch(JSON.stringify(defect), /0123456789abcdef|\\u|\u2028/);
});

async function recordOf(thrown: Error, options: Partial<LogOptions> = {}): Promise<ErrorRecord> {
  const records: CallRecord[] = [];
  const calls = log({ sink: { write: (record) => void records.push(record) }, ...options });
  await assert.rejects(async () => collect(await compose([calls], scripted(thrown))(chat(PROMPT))));
  await settled();
  assert.equal(records.length, 1);
  assert.equal(calls.dropped(), 0);
  const error = records[0]?.error;
  assert.ok(error);
  return error;
}
