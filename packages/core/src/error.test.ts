import assert from "node:assert/strict";
import { test } from "node:test";
import { type Code, codes } from "./codes.ts";
import { GatewayError, type GatewayErrorOptions, invalidRequest, isOutage, toGatewayError } from "./error.ts";
import { OUTAGES } from "./testing/outcome.ts";

test("what is left out of an error follows from its code", () => {
  for (const [code, facts] of Object.entries(codes)) {
    // The table's own keys are its codes.
    const error = new GatewayError(code as keyof typeof codes, "why");
    const { status, layer, origin, phase, retryable, remedy } = error;
    assert.deepEqual({ status, layer, origin, phase, retryable, remedy }, facts);
    assert.equal(error.code, code);
    assert.equal(error.message, "why");
    assert.deepEqual([error.retryAfterMs, error.maxRetries], [undefined, undefined]);
    assert.deepEqual([error.issues, error.attempts, error.headers], [[], [], {}]);
  }
});

test("an error is an Error with a name, and a cause only where one is given", () => {
  const error = new GatewayError("llm.internal", "why");
  assert.ok(error instanceof Error);
  assert.equal(error.name, "GatewayError");
  assert.equal("cause" in error, false);
  const cause = new Error("underneath");
  assert.equal(new GatewayError("llm.internal", "why", { cause }).cause, cause);
});

test("what is given to an error wins over its code", () => {
  const given = {
    status: 418,
    phase: "after",
    origin: "upstream",
    retryable: true,
    remedy: "fallback-first",
    maxRetries: 1,
    retryAfterMs: 5,
    issues: [{ path: "model", message: "no" }],
    attempts: [{ provider: "p", model: "m", durationMs: 1 }],
    headers: { allow: "POST" },
  } as const;
  const error = new GatewayError("llm.request.invalid", "why", given);
  for (const [name, value] of Object.entries(given)) assert.deepEqual(Reflect.get(error, name), value, name);
  assert.equal(error.layer, "request");
});

test("an error in another phase is otherwise the same", () => {
  const error = new GatewayError("llm.provider.rejected", "why", {
    status: 413,
    origin: "gateway",
    retryable: true,
    remedy: "retry",
    maxRetries: 1,
    retryAfterMs: 5,
    issues: [{ path: "a", message: "b" }],
    attempts: [{ provider: "p", model: "m", durationMs: 1 }],
    headers: { "x-a": "1" },
    cause: "underneath",
  });
  const moved = error.with({ phase: "during" });
  assert.ok(moved instanceof GatewayError);
  assert.equal(moved.phase, "during");
  assert.deepEqual({ ...moved, phase: "before" }, { ...error });
  assert.equal(moved.message, "why");
  assert.equal(moved.cause, "underneath");
  assert.equal(error.phase, "before");
});

test("a GatewayError is taken as it is, also where the call is over", () => {
  const error = new GatewayError("llm.provider.overloaded", "busy");
  assert.equal(toGatewayError(error), error);
  assert.equal(toGatewayError(error, AbortSignal.abort()), error);
});

test("what an aborted signal caused is canceled, with what was thrown as its cause", () => {
  const thrown = new DOMException("This operation was aborted", "AbortError");
  const error = toGatewayError(thrown, AbortSignal.abort());
  assert.equal(error.code, "llm.canceled");
  assert.equal(error.status, 499);
  assert.equal(error.cause, thrown);
});

test("a signal aborted for a reason of ours gives that reason", () => {
  const reason = new GatewayError("llm.timeout.total", "too long");
  assert.equal(toGatewayError(new Error("aborted"), AbortSignal.abort(reason)), reason);
});

test("what is thrown while the signal is not aborted is internal, whatever it is called", () => {
  const thrown = new DOMException("aborted", "AbortError");
  assert.equal(toGatewayError(thrown, new AbortController().signal).code, "llm.internal");
});

test("anything else is internal, and its message tells nothing of the cause", () => {
  for (const thrown of [new Error("the secret"), "the secret", { secret: 1 }, undefined, null, 7]) {
    const error = toGatewayError(thrown);
    assert.equal(error.code, "llm.internal");
    assert.equal(error.status, 500);
    assert.doesNotMatch(error.message, /secret/);
    assert.equal(error.cause, thrown);
    assert.ok("cause" in error);
  }
});

test("an outage is a failure of the service, and no refusal of a request, of a key or of more calls", () => {
  for (const code of Object.keys(codes)) {
    // The table's own keys are its codes.
    assert.equal(isOutage(new GatewayError(code as Code, "why")), OUTAGES.includes(code as Code), code);
  }
});

test("whether a failure is an outage depends on whose it is and on its status", () => {
  const outage = (code: Code, options: GatewayErrorOptions): boolean =>
    isOutage(new GatewayError(code, "why", options));
  assert.equal(outage("llm.provider.server_error", { origin: "gateway" }), false);
  assert.equal(outage("llm.provider.rejected", { status: 409 }), false);
  assert.equal(outage("llm.provider.server_error", { status: 499 }), false);
  assert.equal(outage("llm.provider.server_error", { status: 500 }), true);
  assert.equal(outage("llm.model.not_found", { origin: "upstream" }), false);
  // A redirect, an answer that is compressed or too large: the next one would be the same.
  assert.equal(outage("llm.provider.bad_response", { retryable: false, remedy: "fallback" }), false);
});

test("of many failing fields twenty are told, in the error and in its message", () => {
  const issues = Array.from({ length: 30 }, (_, at) => ({ path: `field${at}.`, message: "no" }));
  const error = invalidRequest(issues);
  assert.deepEqual(error.issues, issues.slice(0, 20));
  assert.match(error.message, /field19\./);
  assert.doesNotMatch(error.message, /field20\./);
});
