import assert from "node:assert/strict";
import { test } from "node:test";
import { GatewayError } from "./error.ts";
import { readFallbackConfig, readFallbacks, without } from "./fallback-fields.ts";
import { chat } from "./testing.ts";

test("a caller who says nothing gets one fallback, and whatever retry is configured", () => {
  for (const value of [undefined, null, {}, { retry: undefined, depth: undefined }]) {
    assert.deepEqual(readFallbackConfig(value), { retry: undefined, depth: 1 });
  }
});

test("what a caller says of retry and depth is read", () => {
  assert.deepEqual(readFallbackConfig({ retry: false }), { retry: false, depth: 1 });
  assert.deepEqual(readFallbackConfig({ retry: true, depth: 0 }), { retry: true, depth: 0 });
  assert.deepEqual(readFallbackConfig({ depth: 2 }), { retry: undefined, depth: 2 });
});

const BAD_CONFIGS: Readonly<Record<string, readonly [value: unknown, paths: readonly string[]]>> = {
  "a list": [[], ["fallback_config"]],
  "a word": ["retry", ["fallback_config"]],
  "a depth over two": [{ depth: 3 }, ["fallback_config.depth"]],
  "a depth below none": [{ depth: -1 }, ["fallback_config.depth"]],
  "half a depth": [{ depth: 1.5 }, ["fallback_config.depth"]],
  "a depth in words": [{ depth: "1" }, ["fallback_config.depth"]],
  "a retry of null": [{ retry: null }, ["fallback_config.retry"]],
  "a retry that is a number": [{ retry: 1 }, ["fallback_config.retry"]],
  "a field that does not exist": [{ retries: 1 }, ["fallback_config.retries"]],
  "everything at once": [
    { on_error: [], retry: "no", depth: 9 },
    ["fallback_config.on_error", "fallback_config.retry", "fallback_config.depth"],
  ],
};

for (const [what, [value, paths]] of Object.entries(BAD_CONFIGS)) {
  test(`${what} is no fallback_config, and every failing field is named`, () => {
    assert.deepEqual(
      pathsOf(() => readFallbackConfig(value)),
      paths,
    );
  });
}

test("a field name of a caller is not repeated at any length", () => {
  const [path] = pathsOf(() => readFallbackConfig({ ["x".repeat(100_000)]: 1 }));
  assert.ok((path?.length ?? 0) < 100);
});

test("without a list there are no fallbacks", () => {
  for (const value of [undefined, null, []]) assert.deepEqual(readFallbacks(value, chat(), 16), []);
});

test("an entry inherits what it does not name, and sets what it does", () => {
  const request = chat({ model: "a", temperature: 0.5, seed: 7, user: "u" });
  const [first, second] = readFallbacks(
    [{ model: "b" }, { model: "c", temperature: 1, top_p: 0.1, seed: null }],
    request,
    16,
  );
  assert.deepEqual(first, { ...request, model: "b" });
  assert.deepEqual(second, { ...request, model: "c", temperature: 1, top_p: 0.1, seed: null });
  assert.equal(first?.call, request.call);
  assert.equal(request.model, "a");
});

test("what an entry removes is left out, also where the entry itself has set it, and removing is not sent on", () => {
  const request = chat({ model: "a", temperature: 0.5, seed: 7 });
  const { temperature: _, ...rest } = request;
  assert.deepEqual(readFallbacks([{ model: "b", remove_fields: ["temperature", "unknown"] }], request, 16), [
    { ...rest, model: "b" },
  ]);
  assert.deepEqual(readFallbacks([{ model: "b", temperature: 1, remove_fields: ["temperature"] }], request, 16), [
    { ...rest, model: "b" },
  ]);
  assert.deepEqual(readFallbacks([{ model: "b", remove_fields: null }], request, 16), [{ ...request, model: "b" }]);
});

test("a prompt in an entry takes the place of the messages", () => {
  const [request] = readFallbacks([{ model: "b", prompt: "Short" }], chat("Long"), 16);
  assert.deepEqual(request?.messages, [{ role: "user", content: "Short" }]);
});

const BAD_ENTRIES: Readonly<Record<string, readonly [value: unknown, paths: readonly string[]]>> = {
  "an object": [{ model: "b" }, ["fallbacks"]],
  "a name": ["b", ["fallbacks"]],
  "more than sixteen entries": [Array(17).fill({ model: "b" }), ["fallbacks"]],
  "an entry that is a name": [["b"], ["fallbacks[0]"]],
  "an entry that is a list": [[[]], ["fallbacks[0]"]],
  "an entry of null": [[null], ["fallbacks[0]"]],
  "an entry without a model": [[{ temperature: 1 }], ["fallbacks[0].model"]],
  "a model that is no name": [[{ model: "a b" }], ["fallbacks[0].model"]],
  "a field of a wrong kind": [[{ model: "b", temperature: 9 }], ["fallbacks[0].temperature"]],
  "fields to remove that are no list": [[{ model: "b", remove_fields: "seed" }], ["fallbacks[0].remove_fields"]],
  "fields to remove that are no names": [[{ model: "b", remove_fields: [1] }], ["fallbacks[0].remove_fields"]],
  "a model that is removed": [[{ model: "b", remove_fields: ["model"] }], ["fallbacks[0].remove_fields"]],
  "messages that are removed": [[{ model: "b", remove_fields: ["messages"] }], ["fallbacks[0].remove_fields"]],
  "fallbacks of a fallback": [
    [{ model: "b", fallbacks: [], fallback_config: {} }],
    ["fallbacks[0].fallbacks", "fallbacks[0].fallback_config"],
  ],
  "a call of the caller's own": [[{ model: "b", call: { id: "x" } }], ["fallbacks[0].call"]],
  "an address of the caller's own": [[{ model: "b", base_url: "http://169.254.169.254" }], ["fallbacks[0].base_url"]],
  "something wrong in each of several": [
    [{ model: "b" }, 7, { top_p: 9 }, { model: "c", top_p: 9, n: 0 }],
    ["fallbacks[1]", "fallbacks[2].model", "fallbacks[3].n", "fallbacks[3].top_p"],
  ],
};

for (const [what, [value, paths]] of Object.entries(BAD_ENTRIES)) {
  test(`${what} is refused, with every failing field by its path`, () => {
    assert.deepEqual(pathsOf(() => readFallbacks(value, chat(), 16)).toSorted(), paths.toSorted());
  });
}

test("sixteen entries are not too many", () => {
  assert.equal(readFallbacks(Array(16).fill({ model: "b" }), chat(), 16).length, 16);
});

test("of the entries the first are given back, as many as may be walked", () => {
  const value = ["b", "c", "d"].map((model) => ({ model }));
  for (const depth of [0, 1, 2]) {
    const models = readFallbacks(value, chat(), depth).map(({ model }) => model);
    assert.deepEqual(models, ["b", "c", "d"].slice(0, depth));
  }
});

test("every entry is looked at, also beyond those that may be walked", () => {
  const value = [{ model: "b" }, { model: "c", temperature: 9 }, { model: "d", remove_fields: "seed" }];
  for (const depth of [0, 1]) {
    assert.deepEqual(
      pathsOf(() => readFallbacks(value, chat(), depth)),
      ["fallbacks[1].temperature", "fallbacks[2].remove_fields"],
    );
  }
});

test("sixty-four names of fields may be removed, and no more", () => {
  const names = Array.from({ length: 65 }, (_, at) => `field${at}`);
  const request = chat(Object.fromEntries([["model", "a"], ["kept", 1], ...names.map((name) => [name, 1])]));
  const [made] = readFallbacks([{ model: "b", remove_fields: names.slice(0, 64) }], request, 1);
  const { call: _, ...body } = made ?? request;
  assert.deepEqual(body, { model: "b", messages: request.messages, kept: 1, field64: 1 });
  assert.deepEqual(
    pathsOf(() => readFallbacks([{ model: "b", remove_fields: names }], request, 1)),
    ["fallbacks[0].remove_fields"],
  );
});

test("fields are taken out by their names, and the rest stays", () => {
  const fields = { a: 1, b: undefined, c: null };
  assert.deepEqual(without(fields, ["a", "x", "toString"]), { b: undefined, c: null });
  assert.deepEqual(without(fields, []), fields);
  assert.deepEqual(Object.keys(fields), ["a", "b", "c"]);
});

/** The paths of what is wrong; all of them stand in the message too. */
function pathsOf(read: () => unknown): string[] {
  try {
    read();
  } catch (error) {
    assert.ok(error instanceof GatewayError);
    assert.equal(error.code, "llm.request.invalid");
    for (const { path } of error.issues) assert.ok(error.message.includes(path), path);
    return error.issues.map(({ path }) => path);
  }
  return assert.fail("it was not refused");
}
