import assert from "node:assert/strict";
import { test } from "node:test";
import { mountPath } from "./mount.ts";

test("a path below the prefix loses it, and keeps its own slash", () => {
  const below = mountPath("/v1");
  assert.equal(below("/v1/models"), "/models");
  assert.equal(below("/v1/"), "/");
  assert.equal(below("/v1//models"), "//models");
  assert.equal(below("/v1/v1/models"), "/v1/models");
});

test("a path that only begins with the same letters is not below the prefix", () => {
  const below = mountPath("/v1");
  for (const path of ["/v1", "/v10/models", "/v1models", "/V1/models", "/", "", "/v2/models", "v1/models", "//v1/a"]) {
    assert.equal(below(path), undefined, path);
  }
});

test("a prefix may have several parts", () => {
  assert.equal(mountPath("/api/llm")("/api/llm/models"), "/models");
  assert.equal(mountPath("/api/llm")("/api/models"), undefined);
});

test("without a prefix every path is below it", () => {
  const below = mountPath("");
  assert.equal(below("/models"), "/models");
  assert.equal(below("/"), "/");
  assert.equal(below("*"), undefined);
});

test("a prefix without a slash in front or with one behind is refused by name", () => {
  for (const prefix of ["v1", "/", "/v1/", "//", "v1/", " /v1"]) {
    assert.throws(() => mountPath(prefix), { name: "TypeError", message: /prefix/ }, prefix);
  }
});
