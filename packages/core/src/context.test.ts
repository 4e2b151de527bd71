import assert from "node:assert/strict";
import { test } from "node:test";
import { contextKey, createContext } from "./context.ts";

test("a key answers its default until a value is set, then that value", () => {
  const tenant = contextKey("tenant", "none");
  const context = createContext();
  assert.equal(context.get(tenant), "none");
  context.set(tenant, "acme");
  assert.equal(context.get(tenant), "acme");
  context.set(tenant, "other");
  assert.equal(context.get(tenant), "other");
});

test("a value that is undefined, null or false is a value, not the default", () => {
  for (const value of [undefined, null, false, 0, ""]) {
    const key = contextKey<unknown>("key", "default");
    const context = createContext();
    context.set(key, value);
    assert.equal(context.get(key), value);
  }
});

test("two keys of one description are two keys", () => {
  const a = contextKey("same", 0);
  const b = contextKey("same", 0);
  const context = createContext();
  context.set(a, 1);
  assert.equal(context.get(a), 1);
  assert.equal(context.get(b), 0);
});

test("two calls share nothing", () => {
  const key = contextKey("key", 0);
  const [one, other] = [createContext(), createContext()];
  one.set(key, 1);
  assert.equal(other.get(key), 0);
});
