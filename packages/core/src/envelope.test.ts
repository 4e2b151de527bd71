import assert from "node:assert/strict";
import { test } from "node:test";
import { type Code, codes } from "./codes.ts";
import { type Envelope, envelopes, errorEvent, errorHeaders } from "./envelope.ts";
import { GatewayError } from "./error.ts";

const failing = new GatewayError("llm.request.invalid", "messages: required; n: too big", {
  issues: [
    { path: "messages", message: "required" },
    { path: "n", message: "too big" },
  ],
});
const busy = new GatewayError("llm.provider.overloaded", "busy", { cause: new Error("the secret") });

test("the openai envelope is what OpenAI's SDKs read", () => {
  assert.deepEqual(envelopes.openai(busy, "id-1"), {
    body: {
      error: {
        message: "busy",
        type: "server_error",
        param: null,
        code: "llm.provider.overloaded",
        origin: "upstream",
        layer: "upstream",
        phase: "before",
      },
      request_id: "id-1",
    },
  });
  assert.deepEqual(envelopes.openai(failing, "id-2"), {
    body: {
      error: {
        message: "messages: required; n: too big",
        type: "invalid_request_error",
        param: "messages",
        code: "llm.request.invalid",
        origin: "gateway",
        layer: "request",
        phase: "before",
        issues: [
          { path: "messages", message: "required" },
          { path: "n", message: "too big" },
        ],
      },
      request_id: "id-2",
    },
  });
});

test("the openai envelope tells of every call of a provider, and of nothing where there was none", () => {
  const error = busy.with({
    attempts: [
      {
        provider: "p",
        model: "m",
        status: 503,
        upstreamRequestId: "up-1",
        durationMs: 12.6,
        code: "llm.provider.overloaded",
      },
      { provider: "q", model: "n", durationMs: 0.2, code: "llm.timeout.connect" },
      // A field that a provider adds is not for callers.
      { provider: "r", model: "o", status: 200, durationMs: 3, ...{ url: "https://internal.test" } },
    ],
  });
  const shown = JSON.parse(JSON.stringify(envelopes.openai(error, "id").body.error));
  assert.deepEqual(shown.attempts, [
    {
      provider: "p",
      model: "m",
      status: 503,
      code: "llm.provider.overloaded",
      upstream_request_id: "up-1",
      duration_ms: 13,
    },
    { provider: "q", model: "n", code: "llm.timeout.connect", duration_ms: 0 },
    { provider: "r", model: "o", status: 200, duration_ms: 3 },
  ]);
  assert.equal(Object.hasOwn(envelopes.openai(busy, "id").body.error as object, "attempts"), false);
  for (const name of ["nested", "flat", "detail", "problem"] as const) {
    assert.deepEqual(envelopes[name](error, "id"), envelopes[name](busy, "id"), name);
  }
});

test("the openai envelope names the field of a single issue as param, and none for the body as a whole", () => {
  const paramOf = (path: string): unknown =>
    envelopes.openai(new GatewayError("llm.request.invalid", "no", { issues: [{ path, message: "no" }] }), "id").body
      .error;
  assert.deepEqual(Object.entries(paramOf("model") as object)[2], ["param", "model"]);
  assert.deepEqual(Object.entries(paramOf("") as object)[2], ["param", null]);
  assert.equal(Object.hasOwn(paramOf("model") as object, "issues"), false);
});

test("the openai envelope's type follows from the status", () => {
  const types: Partial<Record<Code, string>> = {
    "llm.auth.missing_key": "authentication_error",
    "llm.access.model_unavailable": "permission_error",
    "llm.request.invalid": "invalid_request_error",
    "llm.model.not_found": "invalid_request_error",
    "llm.rate_limit.requests": "rate_limit_error",
    "llm.provider.rate_limited": "rate_limit_error",
    "llm.provider.auth": "server_error",
    "llm.internal": "server_error",
    "llm.timeout.total": "server_error",
  };
  for (const [code, type] of Object.entries(types)) {
    // The keys above are codes.
    const { body } = envelopes.openai(new GatewayError(code as Code, "why"), "id");
    assert.equal(Reflect.get(body.error as object, "type"), type, code);
  }
});

test("the nested envelope has the status as its code", () => {
  assert.deepEqual(envelopes.nested(busy, "id-1"), {
    body: { error: { code: 503, message: "busy" }, request_id: "id-1" },
  });
});

test("the flat envelope has every issue in its metadata", () => {
  assert.deepEqual(envelopes.flat(failing, "id-1"), {
    body: {
      code: "llm.request.invalid",
      message: "messages: required; n: too big",
      request_id: "id-1",
      metadata: {
        errors: [
          { path: "messages", message: "required" },
          { path: "n", message: "too big" },
        ],
      },
    },
  });
  assert.deepEqual(envelopes.flat(busy, "id-1").body.metadata, { errors: [] });
});

test("the detail envelope is the message alone", () => {
  assert.deepEqual(envelopes.detail(busy, "id-1"), { body: { detail: "busy", request_id: "id-1" } });
});

test("the problem envelope is RFC 9457's, with its content type", () => {
  assert.deepEqual(envelopes.problem(busy, "id-1"), {
    contentType: "application/problem+json",
    body: {
      type: "about:blank",
      title: "Service Unavailable",
      status: 503,
      detail: "busy",
      code: "llm.provider.overloaded",
      request_id: "id-1",
    },
  });
  assert.deepEqual(envelopes.problem(failing, "id-2"), {
    contentType: "application/problem+json",
    body: {
      type: "about:blank",
      title: "Bad Request",
      status: 400,
      detail: "messages: required; n: too big",
      code: "llm.request.invalid",
      request_id: "id-2",
      errors: [
        { path: "messages", message: "required" },
        { path: "n", message: "too big" },
      ],
    },
  });
});

test("the problem envelope has a title for every status of the table", () => {
  for (const code of Object.keys(codes)) {
    // The table's own keys are its codes.
    assert.notEqual(envelopes.problem(new GatewayError(code as Code, "why"), "id").body.title, "Error", code);
  }
});

test("no envelope shows a cause", () => {
  for (const envelope of Object.values(envelopes)) {
    assert.doesNotMatch(JSON.stringify(envelope(busy, "id")), /secret|stack/);
  }
});

test("the event that ends a failed stream has an error in every envelope", () => {
  assert.deepEqual(errorEvent(envelopes.openai, busy, "id"), envelopes.openai(busy, "id").body);
  assert.deepEqual(errorEvent(envelopes.nested, busy, "id"), envelopes.nested(busy, "id").body);
  for (const name of ["flat", "detail", "problem"] as const) {
    assert.deepEqual(errorEvent(envelopes[name], busy, "id"), { error: envelopes[name](busy, "id").body });
  }
});

test("the event that ends a failed stream has an error, also where an envelope's own says nothing", () => {
  for (const nothing of [null, undefined, false, ""]) {
    const envelope: Envelope = ({ message }) => ({ body: { error: nothing, message } });
    const event = JSON.parse(JSON.stringify(errorEvent(envelope, busy, "id")));
    assert.ok(event.error, String(nothing));
    assert.match(JSON.stringify(event), /busy/);
  }
});

test("a 401 says how to authenticate, and nothing else does", () => {
  assert.equal(errorHeaders(new GatewayError("llm.auth.missing_key", "why"))["www-authenticate"], "Bearer");
  const own = new GatewayError("llm.auth.missing_key", "why", { headers: { "www-authenticate": "Basic" } });
  assert.equal(errorHeaders(own)["www-authenticate"], "Basic");
  for (const code of ["llm.access.model_unavailable", "llm.provider.auth"] as const) {
    assert.equal(errorHeaders(new GatewayError(code, "why"))["www-authenticate"], undefined);
  }
});

test("a wait is told in whole seconds above 0, and in whole milliseconds above 0", () => {
  const waits = { 0: ["1", "1"], "-5000": ["1", "1"], 0.2: ["1", "1"], 999.5: ["1", "1000"], 1000: ["1", "1000"] };
  const more = { 1001: ["2", "1001"], 59000.25: ["60", "59001"], 3600000: ["3600", "3600000"] };
  for (const [ms, [seconds, milliseconds]] of Object.entries({ ...waits, ...more })) {
    const headers = errorHeaders(new GatewayError("llm.rate_limit.requests", "why", { retryAfterMs: Number(ms) }));
    assert.equal(headers["retry-after"], seconds, ms);
    assert.equal(headers["retry-after-ms"], milliseconds, ms);
  }
});

test("a wait that is no number is never told", () => {
  for (const retryAfterMs of [Number.NaN, Number.POSITIVE_INFINITY, Number.NEGATIVE_INFINITY, undefined]) {
    const headers = errorHeaders(new GatewayError("llm.rate_limit.requests", "why", { retryAfterMs }));
    for (const name of ["retry-after", "retry-after-ms"]) {
      assert.match(headers[name] ?? "1", /^[1-9]\d*$/, `${name} of ${retryAfterMs}`);
    }
  }
});

test("without a wait there is no Retry-After", () => {
  assert.deepEqual(errorHeaders(new GatewayError("llm.rate_limit.requests", "why")), {});
});

test("clients are told not to retry a wait above a minute", () => {
  const of = (retryAfterMs: number): unknown =>
    errorHeaders(new GatewayError("llm.rate_limit.requests", "why", { retryAfterMs }))["x-should-retry"];
  assert.equal(of(60_000), undefined);
  assert.equal(of(60_001), "false");
});

test("clients are told not to retry what SDKs would retry and must not", () => {
  for (const status of [408, 409, 429, 500, 502, 503, 504]) {
    const of = (retryable: boolean): unknown =>
      errorHeaders(new GatewayError("llm.internal", "why", { status, retryable }))["x-should-retry"];
    assert.equal(of(false), "false", String(status));
    assert.equal(of(true), undefined, String(status));
  }
  for (const status of [400, 401, 403, 404, 413, 422]) {
    const error = new GatewayError("llm.internal", "why", { status, retryable: false });
    assert.equal(errorHeaders(error)["x-should-retry"], undefined, String(status));
  }
});

test("an error's own headers are kept, and the error is not changed", () => {
  const error = new GatewayError("llm.rate_limit.requests", "why", { headers: { "x-a": "1" }, retryAfterMs: 1 });
  assert.deepEqual(errorHeaders(error), { "x-a": "1", "retry-after": "1", "retry-after-ms": "1" });
  assert.deepEqual(error.headers, { "x-a": "1" });
});
