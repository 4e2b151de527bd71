import assert from "node:assert/strict";
import { test } from "node:test";
import { collect, GatewayError, type Handler } from "@gatewright/core";
import { chat, scripted } from "@gatewright/core/testing";
import { route } from "./route.ts";

/** Patterns, in their order, and which of them a model is for; `undefined`: none. */
const CASES: readonly (readonly [patterns: readonly string[], models: Readonly<Record<string, string | undefined>>])[] =
  [
    [
      ["gpt-4o", "gpt-4"],
      { "gpt-4o": "gpt-4o", "gpt-4": "gpt-4", "gpt-4o-mini": undefined, "GPT-4O": undefined, "": undefined },
    ],
    [["gpt-*"], { "gpt-4": "gpt-*", "gpt-": "gpt-*", gpt: undefined, "my-gpt-4": undefined }],
    [["*-mini"], { "gpt-mini": "*-mini", "-mini": "*-mini", mini: undefined, "gpt-mini-2": undefined }],
    [["a*z"], { az: "a*z", abcz: "a*z", a: undefined, z: undefined, aza: undefined }],
    [["*"], { anything: "*", "": "*", "a/b:c": "*", __proto__: "*" }],
    [["**"], { anything: "**", "": "**" }],
    [["*a*"], { a: "*a*", xay: "*a*", xy: undefined }],
    [["a*b*c"], { abc: "a*b*c", a1b2c: "a*b*c", acb: undefined, abbcc: "a*b*c", ac: undefined, abac: "a*b*c" }],
    [["a*a"], { aa: "a*a", aba: "a*a", a: undefined }],
    [["*ab*ab*"], { abab: "*ab*ab*", xabyabz: "*ab*ab*", ab: undefined, aab: undefined, aba: undefined }],
    [["ab*ba"], { abba: "ab*ba", aba: undefined, abxba: "ab*ba" }],
    [["a*bc*c"], { abcc: "a*bc*c", abc: undefined, abcbc: "a*bc*c" }],
    [["vendor/*", "*/small"], { "vendor/small": "vendor/*", "other/small": "*/small" }],
    [["*", "gpt-4"], { "gpt-4": "gpt-4", "gpt-5": "*" }],
    [["gpt-*", "gpt-4*"], { "gpt-4o": "gpt-*" }],
    [
      ["a.c", "a+c", "(x)", "[ab]", "a?c*"],
      { abc: undefined, "a.c": "a.c", aac: undefined, "a+c": "a+c", a: undefined, "a?cd": "a?c*" },
    ],
  ];

for (const [patterns, models] of CASES) {
  test(`${patterns.join(", ")}: a model goes where it belongs`, async () => {
    const target: Handler = route(Object.fromEntries(patterns.map((name) => [name, scripted(...Array(9).fill(name))])));
    for (const [model, expected] of Object.entries(models)) {
      const answered = await target(chat({ model })).then(
        async (reply) => (await collect(reply)).choices[0]?.message.content,
        (error: unknown) => {
          assert.ok(error instanceof GatewayError);
          assert.equal(error.code, "llm.model.not_found");
          return undefined;
        },
      );
      assert.equal(answered, expected, model);
    }
  });
}

test("the handler gets the request as it came", async () => {
  const handler = scripted("a");
  const request = chat({ model: "gpt-4" });
  await route({ "gpt-*": handler })(request);
  assert.equal(handler.requests[0], request);
});

test("what a handler throws is thrown as it is, and no other is asked", async () => {
  const failure = new GatewayError("llm.provider.overloaded", "busy");
  const other = scripted();
  await assert.rejects(
    route({ "gpt-*": scripted(failure), "*": other })(chat({ model: "gpt-4" })),
    (error) => error === failure,
  );
  assert.equal(other.requests.length, 0);
});

test("a model that nobody claims is a 404 that names it, and cannot be tried again", async () => {
  await assert.rejects(route({ a: scripted() })(chat({ model: "b" })), {
    code: "llm.model.not_found",
    status: 404,
    retryable: false,
    message: /"b"/,
  });
  await assert.rejects(route({})(chat()), { code: "llm.model.not_found" });
});

test("names of properties are models like others", async () => {
  const target = route({ a: scripted() });
  for (const model of ["constructor", "toString", "__proto__"]) {
    await assert.rejects(target(chat({ model })), { code: "llm.model.not_found" });
  }
});

test("the table may change afterwards: the router keeps what it was made of", async () => {
  const table: Record<string, Handler> = { a: scripted("kept") };
  const target = route(table);
  table.b = scripted("late");
  await assert.rejects(target(chat({ model: "b" })), { code: "llm.model.not_found" });
});

test("a hostile pattern and a hostile model take no time", async () => {
  const patterns = [
    "a*".repeat(100),
    `${"*a".repeat(100)}b`,
    "*".repeat(1000),
    `x${"*".repeat(50)}y`,
    `${"(a+)+*".repeat(10)}$`,
  ];
  const target = route(Object.fromEntries(patterns.map((pattern) => [`${pattern}!`, scripted()])));
  const startedAt = performance.now();
  for (let run = 0; run < 20; run++) {
    await assert.rejects(target(chat({ model: `${"a".repeat(100_000)}c` })), { code: "llm.model.not_found" });
  }
  const ms = performance.now() - startedAt;
  assert.ok(ms < 5000, `${ms} ms`);
});

test("whatever the pattern and the model, they match as the pattern says", async () => {
  const random = seeded(5);
  const some = (alphabet: string, most: number): string =>
    Array.from({ length: random(most) }, () => alphabet[random(alphabet.length)]).join("");
  for (let run = 0; run < 3000; run++) {
    const pattern = `${some("ab*", 8)}*${some("ab*", 4)}`;
    const model = some("ab", 10);
    const expected = new RegExp(`^${pattern.replaceAll(/\*+/g, ".*")}$`).test(model);
    const matched = await route({ [pattern]: scripted("x") })(chat({ model })).then(
      () => true,
      () => false,
    );
    assert.equal(matched, expected, `${pattern} on ${model}`);
  }
});

/** Whole numbers below `most`, the same in every run: a linear congruential generator (Numerical Recipes). */
function seeded(seed: number): (most: number) => number {
  let state = seed;
  return (most) => {
    state = (Math.imul(state, 1664525) + 1013904223) >>> 0;
    return Math.floor((state / 2 ** 32) * most);
  };
}
