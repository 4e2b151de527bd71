import assert from "node:assert/strict";
import { test } from "node:test";
import { chat } from "../testing.ts";
import { checkAccess, mayUse } from "./access.ts";

const caller = { name: "alice", models: ["gpt-*", "claude-5"] };

test("a caller without models may use all, one with an empty list none", () => {
  assert.equal(mayUse({ name: "alice" }, "any"), true);
  assert.equal(mayUse({ name: "alice", models: [] }, "any"), false);
});

test("a model is one of a caller's if a pattern is its whole name", () => {
  for (const model of ["gpt-", "gpt-5", "claude-5"]) assert.equal(mayUse(caller, model), true, model);
  for (const model of ["claude-51", "my-gpt-5", "GPT-5", ""]) assert.equal(mayUse(caller, model), false, model);
});

test("each model of a caller's own fallbacks is checked, also those beyond the depth", () => {
  const fallbacks = [{ model: "gpt-5" }, { model: "claude-5" }, { model: "o9" }];
  const request = chat({ model: "gpt-5", fallbacks });
  assert.throws(() => checkAccess(caller, request, "global"), {
    code: "llm.access.model_unavailable",
    message: /"o9"/,
  });
  checkAccess(caller, chat({ model: "gpt-5", fallbacks: fallbacks.slice(0, 2) }), "global");
});

test("what is no list of entries is left to the layer that owns it", () => {
  for (const fallbacks of [null, "o9", { model: "o9" }, [null, 1, "o9", ["o9"], {}, { model: 7 }]]) {
    checkAccess(caller, chat({ model: "gpt-5", fallbacks }), "global");
  }
});

test("an entry is in the region that it names, inherits, or is left with", () => {
  const european = { name: "alice", regions: ["eu"] };
  const check = (fallback: object, region = "global"): void =>
    checkAccess(european, chat({ model_region: "eu", fallbacks: [{ model: "a", ...fallback }] }), region);
  const refused = { code: "llm.access.model_unavailable", message: /"a" in the region/ };
  check({});
  check({ model_region: "eu" });
  check({ remove_fields: ["model_region"] }, "eu");
  assert.throws(() => check({ model_region: "us" }), refused);
  assert.throws(() => check({ model_region: null }), refused);
  assert.throws(() => check({ remove_fields: ["model_region"] }), refused);
  assert.throws(() => check({ model_region: "eu", remove_fields: ["model_region"] }), refused);
});

test("a caller's own text stands cut and escaped in a message", () => {
  const model = `\n\u001b[31m${"x".repeat(10_000)}`;
  assert.throws(
    () => checkAccess(caller, chat({ model: "gpt-5", fallbacks: [{ model }] }), "global"),
    // biome-ignore lint/suspicious/noControlCharactersInRegex: they are what must not be there
    (error) => error instanceof Error && error.message.length < 400 && !/[\u0000-\u001f]/.test(error.message),
  );
});
