import assert from "node:assert/strict";
import { test } from "node:test";
import { pathOf } from "./node.ts";

const PATHS: Readonly<Record<string, string>> = {
  "/v1/models": "/v1/models",
  "/v1/models?a=b": "/v1/models",
  "/v1/models?": "/v1/models",
  "/v1/models?a=/x?b": "/v1/models",
  "/": "/",
  "//v1/models": "//v1/models",
  "/v1/models/a%2Fb": "/v1/models/a%2Fb",
  "/a/../v1/models": "/a/../v1/models",
  "/v1/x?u=http://other.test/v1/models": "/v1/x",
  "http://host.test/v1/models": "/v1/models",
  "http://host.test:8080/v1/models?a=b": "/v1/models",
  "https://user:key@host.test/v1/models": "/v1/models",
  "http://host.test/": "/",
};

for (const [target, path] of Object.entries(PATHS)) {
  test(`the path of ${target} is ${path}`, () => {
    assert.equal(pathOf(target), path);
  });
}

test("a target without a path has none that begins with a slash", () => {
  for (const target of ["*", "http://host.test", "http://host.test?a=/v1/models", "", "?/v1/models"]) {
    assert.ok(!pathOf(target).startsWith("/"), `${target}: ${pathOf(target)}`);
  }
});

test("a request without a target has the path /", () => {
  assert.equal(pathOf(undefined), "/");
});
