import assert from "node:assert/strict";
import { test } from "node:test";
import { checkTree, isRawNumber, JsonError, parseJson } from "./json.ts";

test("JSON is parsed as JSON.parse does", () => {
  const texts = [
    "null",
    "true",
    "0",
    '""',
    "[]",
    "{}",
    ' {"a" : [1, -2.5, 1e3, "x", null, {"b": false}]}\n',
    '"\\u0041\\n"',
  ];
  for (const text of texts) assert.deepEqual(parseJson(text), JSON.parse(text), text);
});

test("what is not JSON is refused, and the message holds none of it", () => {
  const texts = ["", " ", "{", "}", '{"secret', '{"secret":}', "[1,]", "secret", "'secret'", "1 2", "NaN", "[\u0000]"];
  for (const text of texts) {
    assert.throws(
      () => parseJson(text),
      (error) => error instanceof JsonError && /^is /.test(error.message) && !error.message.includes("secret"),
      text,
    );
  }
});

test("a hundred levels are taken, and one more is not", () => {
  const arrays = (depth: number): string => "[".repeat(depth) + "]".repeat(depth);
  const objects = (depth: number): string => '{"a":'.repeat(depth) + 1 + "}".repeat(depth);
  for (const nested of [arrays, objects]) {
    assert.deepEqual(parseJson(nested(100)), JSON.parse(nested(100)));
    assert.throws(() => parseJson(nested(101)), { name: "JsonError", message: /nested more than 100 levels/ });
  }
});

test("depth is how deep values nest, not how many there are", () => {
  for (const item of ["[[1]]", '{"a":{"b":{}}}', '[{"a":[]}]']) {
    const text = `[${Array(1000).fill(item).join(",")}]`;
    assert.deepEqual(parseJson(text), JSON.parse(text));
  }
});

test("brackets, quotes and backslashes in strings are text", () => {
  const strings = [
    "[".repeat(500),
    `"${"[".repeat(500)}`,
    `\\"${"[".repeat(500)}`,
    "{[".repeat(200),
    '\\"',
    "\\",
    '\\\\"',
    '"',
    '""[[',
    `${"\\".repeat(7)}"`,
    "\\\\",
  ];
  for (const string of strings) {
    const text = JSON.stringify({ [string]: [string, string], after: { b: string } });
    assert.deepEqual(parseJson(text), JSON.parse(text), text);
  }
});

test("a string that ends in an escaped backslash ends there: what follows counts", () => {
  const text = `["\\\\",${"[".repeat(100)}${"]".repeat(100)}]`;
  assert.doesNotThrow(() => JSON.parse(text));
  assert.throws(() => parseJson(text), /nested/);
  assert.throws(() => parseJson(`["\\\\\\\\",${"[".repeat(100)}`), /nested/);
});

test("a string that is never closed is not JSON, and nothing in it counts", () => {
  assert.throws(() => parseJson(`"${"[".repeat(500)}`), /is not valid JSON/);
  assert.throws(() => parseJson(`"${"\\".repeat(501)}"`), /is not valid JSON/);
});

const EXACT = [
  "9007199254740993",
  "-9007199254740993",
  "12345678901234567890",
  "1e400",
  "-1E+400",
  "1.5e999",
  "-0",
  "-0.0",
];

for (const number of EXACT) {
  test(`${number} is written again as it came`, () => {
    const text = `{"a":${number},"b":[${number},{"c":${number}}],"d":"${number}"}`;
    assert.equal(JSON.stringify(parseJson(text)), text);
    assert.equal(JSON.stringify(parseJson(number)), number);
    assert.ok(isRawNumber(parseJson(number)));
  });
}

test("numbers that a double keeps are numbers", () => {
  const texts = ["0", "-1", "9007199254740991", "-9007199254740991", "0.1", "-0.5", "123456789012345.5", "1e-7"];
  for (const text of texts) {
    assert.equal(parseJson(text), Number(text));
    assert.equal(isRawNumber(parseJson(text)), false);
  }
});

test("numbers beside an exact one stay numbers", () => {
  const value = parseJson('{"big":9007199254740993,"small":1,"half":-0.5}') as Record<string, unknown>;
  assert.equal(value.small, 1);
  assert.equal(value.half, -0.5);
});

test("a number too small for a double is written again as it came", () => {
  for (const number of ["1e-400", "-1e-400"]) assert.equal(JSON.stringify(parseJson(`[${number}]`)), `[${number}]`);
});

test("only a raw number is one", () => {
  for (const value of [1, "1", null, undefined, {}, { rawJSON: "1" }]) assert.equal(isRawNumber(value), false);
});

test("a key __proto__ is an own key and changes no prototype", () => {
  for (const text of ['{"__proto__":{"polluted":1}}', '{"__proto__":{"polluted":1},"n":9007199254740993}']) {
    const value = parseJson(text);
    assert.ok(Object.hasOwn(value as object, "__proto__"));
    assert.equal(Reflect.get(value as object, "polluted"), undefined);
    assert.equal(Reflect.get({}, "polluted"), undefined);
  }
});

test("random JSON without exact numbers is parsed as JSON.parse does", () => {
  const random = seeded(7);
  for (let run = 0; run < 2000; run++) {
    const text = JSON.stringify(randomValue(random, 0), null, random(3));
    assert.deepEqual(parseJson(text), JSON.parse(text), text);
    checkTree(parseJson(text), 10_000);
  }
});

test("random damage is refused wherever JSON.parse refuses, and nowhere else", () => {
  const random = seeded(8);
  for (let run = 0; run < 2000; run++) {
    const whole = JSON.stringify(randomValue(random, 0));
    const at = random(whole.length);
    const text = whole.slice(0, at) + ['"', "\\", "[", "}", ",", ""][random(6)] + whole.slice(at + 1);
    let expected: unknown = JsonError;
    try {
      expected = JSON.parse(text);
    } catch {}
    if (expected === JsonError) assert.throws(() => parseJson(text), JsonError, text);
    else assert.deepEqual(JSON.stringify(parseJson(text)), JSON.stringify(expected), text);
  }
});

const TEN_MEGABYTES = 10 * (1 << 20);
const HOSTILE: Readonly<Record<string, string>> = {
  brackets: "[",
  "open objects": '{"a":',
  quotes: '"',
  backslashes: `"${"\\".repeat(1023)}`,
  "escaped quotes": '\\"',
  digits: "-1234567890",
  "small values": "-0,",
};

for (const [what, piece] of Object.entries(HOSTILE)) {
  test(`10 MB of ${what} are refused in a moment`, () => {
    const text = `[${piece.repeat(TEN_MEGABYTES / piece.length)}`;
    const startedAt = performance.now();
    assert.throws(() => parseJson(text), JsonError);
    const ms = performance.now() - startedAt;
    assert.ok(ms < 5000, `${ms} ms`);
  });
}

test("a text may hold as many values as it is told, and one of more is not even parsed", () => {
  assert.deepEqual(parseJson("[1,2,3]", 4), [1, 2, 3]);
  assert.deepEqual(parseJson('["a,b,c,d,e,f"]', 2), ["a,b,c,d,e,f"]);
  assert.throws(() => parseJson(`[${"0,".repeat(100)}0]`, 99), {
    name: "JsonError",
    message: "has more than 99 values",
  });
  assert.throws(() => parseJson(`[${"0,".repeat(100)}`, 99), { message: "has more than 99 values" });
  assert.throws(() => parseJson(`[${"0,".repeat(100)}`), { message: "is not valid JSON" });
});

test("a tree may hold as many values as it says, and no more", () => {
  checkTree([1, 2, { a: 3 }], 5);
  assert.throws(() => checkTree([1, 2, { a: 3 }], 4), { name: "JsonError", message: "has more than 4 values" });
  checkTree("one", 1);
  assert.throws(() => checkTree(["one"], 1), JsonError);
});

test("an exact number is one value", () => {
  checkTree(parseJson("[9007199254740993,-0]"), 3);
});

test("a tree that a host app has parsed may nest a hundred levels, and no more", () => {
  const nested = (depth: number): unknown => JSON.parse("[".repeat(depth) + "]".repeat(depth));
  checkTree(nested(100), 1000);
  assert.throws(() => checkTree(nested(101), 1000), { name: "JsonError", message: /nested more than 100 levels/ });
  assert.throws(() => checkTree(nested(5000), 100_000), JsonError);
  const objects = (depth: number): unknown => JSON.parse('{"a":'.repeat(depth) + 1 + "}".repeat(depth));
  checkTree(objects(100), 1000);
  assert.throws(() => checkTree(objects(101), 1000), { name: "JsonError", message: /nested more than 100 levels/ });
});

test("keys that reach for a prototype are refused wherever they are", () => {
  const texts = ['{"__proto__":1}', '[{"a":{"__proto__":{}}}]', '{"constructor":{"prototype":{"x":1}}}'];
  for (const text of texts) {
    assert.throws(() => checkTree(parseJson(text), 100), { name: "JsonError", message: /__proto__|prototype/ }, text);
  }
  assert.throws(() => checkTree(JSON.parse('{"a":{"__proto__":1}}'), 100), JsonError);
});

test("keys that only look like it are taken", () => {
  checkTree(JSON.parse('{"constructor":"x","prototype":{},"proto":1,"a":{"constructor":{"name":"x"}}}'), 100);
});

function randomValue(random: (most: number) => number, depth: number): unknown {
  const kind = random(depth < 6 ? 8 : 5);
  if (kind === 0) return [null, true, false][random(3)];
  if (kind === 1) return random(2 ** 31) - 2 ** 30 || 1;
  if (kind === 2) return (random(2 ** 20) + 1) / 1024;
  if (kind < 5) return randomString(random);
  if (kind < 7) return Array.from({ length: random(5) }, () => randomValue(random, depth + 1));
  return Object.fromEntries(
    Array.from({ length: random(5) }, () => [randomString(random), randomValue(random, depth + 1)]),
  );
}

function randomString(random: (most: number) => number): string {
  const alphabet = [
    '"',
    "\\",
    "[",
    "{",
    "}",
    "]",
    ":",
    ",",
    "a",
    "1",
    "e",
    "-",
    "\n",
    "\u0000",
    "é",
    "😀",
    "\ud800",
    " ",
  ];
  return Array.from({ length: random(8) }, () => alphabet[random(alphabet.length)]).join("");
}

/** Whole numbers below `most`, the same in every run: a linear congruential generator (Numerical Recipes). */
function seeded(seed: number): (most: number) => number {
  let state = seed;
  return (most) => {
    state = (Math.imul(state, 1664525) + 1013904223) >>> 0;
    return Math.floor((state / 2 ** 32) * most);
  };
}
