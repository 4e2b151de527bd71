import assert from "node:assert/strict";
import { test } from "node:test";
import { contextKey, createContext, withValue } from "./context.ts";

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

test("a context with a value of its own answers it for that key alone, and the one below it is unchanged", () => {
  const key = contextKey("same", 0);
  const other = contextKey("same", 0);
  const context = createContext();
  context.set(key, 1);
  const own = withValue(context, key, 2);
  assert.deepEqual([own.get(key), own.get(other), context.get(key)], [2, 0, 1]);
  own.set(key, 3);
  assert.deepEqual([own.get(key), context.get(key)], [3, 1]);
  context.set(key, 4);
  assert.equal(own.get(key), 3);
});

test("all other values are shared both ways, through as many contexts as there are", () => {
  const [key, other] = [contextKey("key", 0), contextKey("other", 0)];
  const context = createContext();
  const own = withValue(withValue(context, key, 1), key, 2);
  own.set(other, 5);
  assert.equal(context.get(other), 5);
  context.set(other, 6);
  assert.equal(own.get(other), 6);
  assert.equal(own.get(key), 2);
});

test("a value of its own may be undefined", () => {
  const key = contextKey<string | undefined>("key", "default");
  assert.equal(withValue(createContext(), key, undefined).get(key), undefined);
});
