import assert from "node:assert/strict";
import { suite, test } from "node:test";
import { type ChatRequest, GatewayError } from "@gatewright/core";
import { chat } from "@gatewright/core/testing";
import { Expectations } from "./expectations.ts";

const list = <Item>(length: number, item: (at: number) => Item): Item[] => Array.from({ length }, (_, at) => item(at));

function offering(length: number, parameters: (at: number) => unknown): ChatRequest {
  const tools = list(length, (at) => ({ type: "function", function: { name: `t${at}`, parameters: parameters(at) } }));
  return chat({ tools });
}

/** How long something takes of this process, in milliseconds, so that a busy machine is no failure. */
function msOf(run: () => void): number {
  const before = process.cpuUsage();
  run();
  return process.cpuUsage(before).user / 1000;
}

suite("the schemas of one request are refused where they are too large together:", () => {
  const hostile: Readonly<Record<string, ChatRequest>> = {
    "large patterns": offering(1024, (at) => ({ pattern: `x{900}y{900}z{900}a${at}` })),
    "small patterns": offering(1024, (at) => ({ allOf: list(50, (part) => ({ pattern: `^${at}-${part}$` })) })),
    "large classes": offering(200, (at) => ({ pattern: "[^\\p{L}]".repeat(100) + at })),
    "patterns that are refused": offering(1024, (at) => ({ pattern: `${"\\p{L}\\p{M}".repeat(80)}${at}` })),
    subschemas: offering(100, ($comment) => ({ $comment, allOf: list(4900, () => ({})) })),
    references: offering(50, ($comment) => ({ $comment, allOf: list(4900, () => ({ $ref: "#" })) })),
    "long texts": offering(60, (at) => ({ title: `${at}`, description: "x".repeat(200_000) })),
  };
  for (const [what, request] of Object.entries(hostile)) {
    test(what, (t) => {
      const expectations = new Expectations();
      // Whether it is must not depend on what is kept.
      for (const time of ["first", "again"]) {
        const ms = msOf(() => assert.throws(() => expectations.of(request), isTooLarge));
        t.diagnostic(`${time}: ${ms.toFixed(0)} ms`);
        assert.ok(ms < 600, `${ms} ms`);
      }
    });
  }

  function isTooLarge(thrown: unknown): boolean {
    assert.ok(thrown instanceof GatewayError);
    assert.equal(thrown.code, "llm.request.invalid");
    const last = thrown.issues?.at(-1);
    assert.match(last?.path ?? "", /^tools\[\d+\]\.function\.parameters/);
    assert.match(last?.message ?? "", /the schemas of this request together are too large/);
    return true;
  }
});

test("128 tools of 2 KB each, with patterns, are no trouble", (t) => {
  const words = "some words that tell a model what this is for";
  const request = offering(128, (at) => ({
    type: "object",
    properties: {
      ...Object.fromEntries(list(20, (name) => [`field${name}`, { type: "string", description: words }])),
      id: { type: "string", pattern: "^[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}$" },
      mail: { type: "string", pattern: `^[a-z0-9.-]+@t${at}\\.[a-z]{2,6}$` },
    },
    required: ["id"],
    additionalProperties: false,
  }));
  assert.ok(JSON.stringify(request.tools).length > 128 * 2000);
  const expectations = new Expectations();
  const ms = msOf(() => assert.ok(expectations.of(request)));
  t.diagnostic(`${ms.toFixed(0)} ms`);
  assert.ok(ms < 600, `${ms} ms`);
});

test("all tool calls of an answer share what their checks may cost", (t) => {
  const next = (at: number) => ({ $ref: `#/$defs/d${at}` });
  const levels = list(7, (at) => [`d${at}`, at === 0 ? {} : { allOf: list(10, () => next(at - 1)) }]);
  const expected = new Expectations().of(offering(1, () => ({ $defs: Object.fromEntries(levels), ...next(6) })));
  const ms = msOf(() => {
    for (let call = 0; call < 1000; call++) {
      assert.match(expected?.tools?.("t0", "{}", "path")[0]?.message ?? "", /too much work/);
    }
  });
  t.diagnostic(`${ms.toFixed(0)} ms`);
  assert.ok(ms < 400, `${ms} ms`);
});

test("many honest tool calls are all checked", () => {
  const parameters = {
    type: "object",
    properties: { name: { type: "string", pattern: "^[a-z]+$" } },
    required: ["name"],
  };
  const expected = new Expectations().of(offering(1, () => parameters));
  for (let call = 0; call < 1000; call++) assert.deepEqual(expected?.tools?.("t0", '{"name":"somebody"}', "path"), []);
  assert.equal(expected?.tools?.("t0", '{"name":"8"}', "path").length, 1);
});
