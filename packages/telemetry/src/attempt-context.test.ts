import assert from "node:assert/strict";
import { test } from "node:test";
import { type Attempt, attempts, contextKey, createCall, traceHeaders } from "@gatewright/core";
import { AttemptContext } from "./attempt-context.ts";

function attempt(provider: string): Attempt {
  return { provider, model: "m", durationMs: 1 };
}

test("what is noted elsewhere at the same time is not taken for one's own", () => {
  const outer = createCall().context;
  const [one, other] = [new AttemptContext(outer, {}), new AttemptContext(outer, {})];
  const note = (to: AttemptContext, made: Attempt): void => to.set(attempts, [...to.get(attempts), made]);
  const first = attempt("first");
  note(one, first);
  note(other, attempt("second"));
  // What broke off later takes the place of what it was, in the middle of the list.
  const broken = { ...first, code: "llm.stream.interrupted" } as const;
  one.set(
    attempts,
    one.get(attempts).map((made) => (made === first ? broken : made)),
  );
  assert.equal(one.made, broken);
  assert.equal(other.made?.provider, "second");
  assert.deepEqual(outer.get(attempts), [broken, attempt("second")]);
});

test("only the trace headers are its own", () => {
  const outer = createCall().context;
  const inner = new AttemptContext(outer, { traceparent: "a" });
  const key = contextKey("any", 0);
  inner.set(key, 7);
  assert.equal(outer.get(key), 7);
  assert.equal(inner.get(key), 7);
  assert.deepEqual(inner.get(traceHeaders), { traceparent: "a" });
  assert.deepEqual(outer.get(traceHeaders), {});
});
