import assert from "node:assert/strict";
import { test } from "node:test";
import { SchemaCache } from "./schema-cache.ts";
import { SchemaError } from "./schema-error.ts";

test("a schema is compiled once, whatever object it comes in", () => {
  const cache = new SchemaCache();
  const schema = { type: "object", properties: { a: { type: "integer" } } };
  const compiled = cache.get(schema);
  assert.equal(cache.get(structuredClone(schema)), compiled);
  assert.notEqual(cache.get({ ...schema, title: "another" }), compiled);
});

test("what was used last is kept, and the rest forgotten, within a size", () => {
  const cache = new SchemaCache();
  const often = cache.get({ title: "often" });
  const once = cache.get({ title: "once" });
  for (let number = 0; number < 200; number++) {
    cache.get({ title: `${number}`, description: "x".repeat(100_000) });
    assert.equal(cache.get({ title: "often" }), often);
  }
  assert.notEqual(cache.get({ title: "once" }), once);
});

test("one that cannot be used is refused each time, and weighs nothing", () => {
  const cache = new SchemaCache();
  const kept = cache.get({ title: "kept" });
  for (let number = 0; number < 60; number++) {
    assert.throws(() => cache.get({ type: number, description: "x".repeat(100_000) }), SchemaError);
  }
  assert.equal(cache.get({ title: "kept" }), kept);
});

test("as much is kept as fits, and each one more takes the place of one", () => {
  const cache = new SchemaCache();
  const large = (number: number): object => ({ title: `${1000 + number}`, description: "x".repeat(100_000) });
  const compiled = Array.from({ length: 400 }, (_, number) => cache.get(large(number)));
  let kept = 0;
  while (cache.get(large(399 - kept)) === compiled[399 - kept]) kept++;
  assert.ok(kept > 20 && kept < 350, `${kept} are kept`);
  // By now the last one is the one that was not used for longest, and has made place for the first that was not kept.
  assert.notEqual(cache.get(large(399)), compiled[399]);
  assert.equal(cache.get(large(397)), compiled[397]);
});

test("one of more than 256 Ki characters is refused", () => {
  const cache = new SchemaCache();
  const sized = (chars: number): object => ({ title: "x".repeat(chars - '{"title":""}'.length) });
  assert.ok(cache.get(sized(256 * 1024)));
  assert.throws(() => cache.get(sized(256 * 1024 + 1)), { name: "SchemaError", path: "", message: /262,144/ });
  const kept = cache.get({ title: "kept" });
  for (let number = 0; number < 20; number++) assert.throws(() => cache.get(sized(300_000)), SchemaError);
  assert.equal(cache.get({ title: "kept" }), kept);
});

test("numbers that a double cannot hold are numbers in a schema", () => {
  // What the gateway makes of a number that it keeps as text; of Node from 22 on, and not yet in TypeScript's library.
  const big = (JSON as JSON & { rawJSON(text: string): object }).rawJSON("9007199254740993");
  assert.deepEqual(new SchemaCache().get({ maximum: big }).check(5), []);
});
