import assert from "node:assert/strict";
import { suite, test } from "node:test";
import { setFlagsFromString } from "node:v8";
import { runInNewContext } from "node:vm";
import { compileSchema, SchemaError } from "./compiled-schema.ts";
import { SchemaCache } from "./schema-cache.ts";

const list = <Item>(length: number, item: (at: number) => Item): Item[] => Array.from({ length }, (_, at) => item(at));
const record = <Item>(length: number, item: (at: number) => Item): Record<string, Item> =>
  Object.fromEntries(list(length, (at) => [`a${at}`, item(at)]));

/** A schema that asks the same two things of a value again and again: 2 to the power of `levels` times. */
function doubling(keyword: string, end: unknown, levels = 30): Record<string, unknown> {
  const next = (at: number) => ({ $ref: `#/$defs/a${at + 1}` });
  const $defs = record(levels, (at): unknown => ({ [keyword]: [next(at), next(at)] }));
  return { $defs: { ...$defs, [`a${levels}`]: end }, $ref: "#/$defs/a0" };
}

function nested(levels: number, around: (inner: unknown) => unknown): unknown {
  let value: unknown = {};
  for (let level = 0; level < levels; level++) value = around(value);
  return value;
}

const WORK = "too much work";
const REFUSED = "refused";
const MATCHES = "matches";
const DIFFERS = "differs";
const DEEP_POINTER = `#${"/properties/a".repeat(70)}`;

/** A schema, a value, and how it ends. */
const HOSTILE: Readonly<Record<string, readonly [schema: unknown, value: unknown, end: string]>> = {
  "a reference to itself": [{ $ref: "#" }, 1, WORK],
  "references in a circle": [
    { $defs: { a: { $ref: "#/$defs/b" }, b: { $ref: "#/$defs/a" } }, $ref: "#/$defs/a" },
    1,
    WORK,
  ],
  "a dynamic reference to itself": [{ $dynamicAnchor: "n", $dynamicRef: "#n" }, 1, WORK],
  "allOf of itself": [{ allOf: [{ $ref: "#" }, { $ref: "#" }] }, 1, WORK],
  "not of itself": [{ not: { $ref: "#" } }, 1, WORK],
  "doubling with allOf": [doubling("allOf", { type: "number" }), 1, WORK],
  "doubling with anyOf": [doubling("anyOf", { type: "string" }), 1, WORK],
  "doubling with oneOf": [doubling("oneOf", { type: "string" }), 1, WORK],
  "doubling and unevaluated": [
    { ...doubling("allOf", { properties: { a: true } }), unevaluatedProperties: false },
    { a: 1 },
    WORK,
  ],
  "doubling with each level of the value": [
    { properties: { a: { anyOf: [{ $ref: "#" }, { $ref: "#" }] } }, minProperties: 1 },
    nested(40, (a) => ({ a })),
    WORK,
  ],
  "a chain of thousands of references": [
    { $defs: { ...record(4900, (at): unknown => ({ $ref: `#/$defs/a${at + 1}` })), a4900: {} }, $ref: "#/$defs/a0" },
    1,
    WORK,
  ],
  "a deep schema": [nested(5000, (not) => ({ not })), 1, REFUSED],
  "a very deep value": [{ additionalProperties: { $ref: "#" } }, nested(100_000, (a) => ({ a })), WORK],
  "a very deep value that is compared": [{ enum: [{}] }, nested(100_000, (a) => ({ a })), WORK],
  "a very deep value as a schema": [
    { $ref: "https://json-schema.org/draft/2020-12/schema" },
    nested(100_000, (not) => ({ not })),
    WORK,
  ],
  "a large value as a schema, thousands of times": [
    { allOf: list(3000, () => ({ $ref: "https://json-schema.org/draft/2020-12/schema" })) },
    { required: list(100_000, String) },
    WORK,
  ],
  "a large enum": [{ enum: list(100_000, (at) => ({ at })) }, 1, REFUSED],
  "a large enum within the limit": [{ enum: list(4000, (at) => ({ at })) }, { at: -1 }, DIFFERS],
  "20,000 unique objects": [{ uniqueItems: true }, list(20_000, (at) => ({ at, k: "v" })), MATCHES],
  "unique items, a thousand times": [
    { allOf: list(1000, () => ({ uniqueItems: true })) },
    list(2000, (at) => at),
    WORK,
  ],
  "an honest megabyte": [
    {
      items: {
        type: "object",
        properties: { id: { type: "string", pattern: "^id\\d+$" }, n: { minimum: 0 } },
        required: ["id", "n"],
        additionalProperties: false,
      },
    },
    list(40_000, (at) => ({ id: `id${at}`, n: at })),
    MATCHES,
  ],
  "half a million items, thirty rules": [
    { items: { allOf: list(30, () => ({ minimum: 0, type: "integer" })) } },
    list(500_000, (at) => at),
    WORK,
  ],
  "counting properties, thousands of times": [
    { allOf: list(3000, () => ({ minProperties: 1 })) },
    record(50_000, () => 1),
    WORK,
  ],
  "looking at properties, thousands of times": [
    { allOf: list(3000, () => ({ not: { additionalProperties: false } })) },
    record(50_000, () => 1),
    WORK,
  ],
  "names that match no pattern, thousands of times": [
    { allOf: list(3000, () => ({ patternProperties: {} })) },
    record(50_000, () => 1),
    WORK,
  ],
  "a bad schema of many names as a value, thousands of times": [
    { allOf: list(3000, () => ({ not: { $ref: "https://json-schema.org/draft/2020-12/schema" } })) },
    { type: 5, ...record(50_000, () => 1) },
    WORK,
  ],
  "counting characters, thousands of times": [
    { allOf: list(3000, () => ({ minLength: 1 })) },
    "💩".repeat(500_000),
    WORK,
  ],
  "comparing a large value, thousands of times": [
    { allOf: list(3000, () => ({ const: {} })) },
    record(50_000, () => 1),
    WORK,
  ],
  "a thousand required, a thousand times": [
    { items: { required: list(1000, String), minimum: 1 } },
    list(5000, () => record(20, () => 1)),
    DIFFERS,
  ],
  "alternatives by the thousand": [
    { items: { oneOf: list(3000, (at) => ({ const: at })) } },
    list(300, () => 2999),
    WORK,
  ],
  "contains of contains": [
    { contains: { contains: { contains: { const: 5 } } } },
    list(100, () => list(100, () => list(100, () => 1))),
    WORK,
  ],
  "dividing large numbers": [{ items: { multipleOf: 1e-308 } }, list(100_000, () => 1e308), WORK],
  "dividing by the smallest number": [{ items: { multipleOf: 5e-324 } }, list(90_000, () => 1.7e308), WORK],
  "counting 100,000 properties": [{ allOf: list(6, () => ({ minProperties: 1 })) }, record(100_000, () => 1), WORK],
  "100,000 unique objects": [{ uniqueItems: true }, list(100_000, (at) => ({ at })), WORK],
  "a long id, and references to it": [
    { $id: `http://a.test/${"a".repeat(1e6)}`, allOf: list(4000, () => ({ $ref: "b" })) },
    1,
    REFUSED,
  ],
  "ids that grow": [nested(120, (a) => ({ $id: `${"a".repeat(900)}/`, properties: { a } })), 1, REFUSED],
  "long pointers": [
    Object.assign(
      { allOf: list(4500, () => ({ $ref: DEEP_POINTER })) },
      nested(70, (a) => ({ properties: { a } })),
    ),
    1,
    MATCHES,
  ],
  "exponential pattern": [{ pattern: "^(a+)+$" }, `${"a".repeat(50_000)}!`, DIFFERS],
  "exponential pattern of alternatives": [{ pattern: "^(a|a)*$" }, `${"a".repeat(50_000)}!`, DIFFERS],
  "polynomial pattern": [{ pattern: "^.*.*.*.*.*x$" }, "a".repeat(50_000), DIFFERS],
  "exponential pattern for names": [
    { patternProperties: { "^(a+)+$": false } },
    { [`${"a".repeat(5000)}!`]: 1 },
    MATCHES,
  ],
  "a pattern that grows when compiled": [{ pattern: "(a{1,1000}){1,1000}" }, "a", REFUSED],
  "a pattern of many groups": [{ pattern: `${"(".repeat(200)}a${")*".repeat(200)}` }, "a", REFUSED],
  "many patterns": [{ allOf: list(1000, (at) => ({ pattern: `${at}` })) }, "a", REFUSED],
  "many large programs": [{ allOf: list(6, (at) => ({ pattern: `${at}a{900}b{900}c{900}` })) }, "a", REFUSED],
  "large classes": [{ pattern: "[^\\p{L}]".repeat(100) }, "!".repeat(50_000), WORK],
  "many large classes": [{ allOf: list(2, (at) => ({ pattern: "[^\\p{L}]".repeat(100) + at })) }, "!", REFUSED],
  "many repeats": [{ pattern: "x{1000}".repeat(140) }, "x", REFUSED],
  "repeats of repeats": [{ pattern: `((${"ab|cd|".repeat(100)}x){30}){30}` }, "x", REFUSED],
  "large programs on a long text": [
    { allOf: list(2, (at) => ({ pattern: `(a?){400}a{400}${at}` })) },
    "a".repeat(100_000),
    WORK,
  ],
  "a slow pattern on many texts": [
    { items: { not: { pattern: "(.*.*.*x){20}$" } } },
    list(2000, () => "abcdefxgh.ij!kl".repeat(10)),
    WORK,
  ],
};

suite("hostile schemas end in time:", () => {
  for (const [what, [schema, value, end]] of Object.entries(HOSTILE)) {
    test(what, (t) => {
      const before = process.cpuUsage();
      const found = endOf(schema, value);
      // The time of this process, so that a busy machine is no failure.
      const ms = process.cpuUsage(before).user / 1000;
      t.diagnostic(`${ms.toFixed(0)} ms`);
      assert.equal(found, end);
      assert.ok(ms < 1000, `${ms} ms`);
    });
  }
});

function endOf(schema: unknown, value: unknown): string {
  try {
    const [first] = compileSchema(schema).check(value);
    if (!first) return MATCHES;
    return first.message.includes("too much work") ? WORK : DIFFERS;
  } catch (thrown) {
    assert.ok(thrown instanceof SchemaError, String(thrown));
    return REFUSED;
  }
}

suite("memory:", () => {
  setFlagsFromString("--expose-gc");
  const collectGarbage: () => void = runInNewContext("gc");
  const inUse = async (): Promise<number> => {
    // What is held weakly may go only once the turn has ended in which it was used.
    await new Promise((resolve) => setTimeout(resolve, 20));
    collectGarbage();
    return process.memoryUsage().heapUsed;
  };

  test("20,000 schemas leave nothing behind", async () => {
    const use = (from: number): void => {
      for (let at = from; at < from + 10_000; at++) {
        const schema = {
          $id: `http://a.test/${at}`,
          $defs: { [`d${at}`]: { pattern: `^${at}` } },
          $ref: `#/$defs/d${at}`,
        };
        assert.equal(compileSchema(schema).check("x").length, 1);
      }
    };
    use(0);
    const before = await inUse();
    use(10_000);
    use(20_000);
    const left = (await inUse()) - before;
    assert.ok(left < 5e6, `${left} bytes`);
  });

  const callers: Readonly<Record<string, readonly [count: number, schema: (at: number) => unknown]>> = {
    tiny: [150_000, (at) => ({ at })],
    patterns: [80_000, (at) => ({ pattern: at.toString(36) })],
    "with many sets": [800, (at) => ({ title: `${at}`, allOf: list(200, () => ({ enum: [] })) })],
  };
  for (const [what, [count, schema]] of Object.entries(callers)) {
    test(`what is kept of schemas is bounded: ${what}`, async (t) => {
      const before = await inUse();
      const cache = new SchemaCache();
      for (let at = 0; at < count; at++) {
        cache.get(schema(at));
        // What is held weakly is kept until the turn ends.
        if (at % 1000 === 0) await new Promise((resolve) => setImmediate(resolve));
      }
      const left = (await inUse()) - before;
      t.diagnostic(`${(left / 1e6).toFixed(0)} MB`);
      assert.ok(left < 64e6, `${left} bytes`);
      assert.ok(cache.get(schema(0)));
    });
  }

  test("a compiled pattern is no heavier than its text, however large its program", async () => {
    const before = await inUse();
    const kept = list(300, (at) => compileSchema({ pattern: `(\\p{L}{1,30}${at}){1,30}` }));
    for (const schema of kept) schema.check("abc".repeat(20));
    const each = ((await inUse()) - before) / kept.length;
    assert.ok(each < 10_000, `${each} bytes`);
    assert.ok(kept.every((schema) => schema.check("a".repeat(20)).length === 1));
  });
});
