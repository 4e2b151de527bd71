import assert from "node:assert/strict";
import { test } from "node:test";
import { JsonRepairer } from "./json-repairer.ts";
import { repairJson } from "./repair-json.ts";

type Row = readonly [broken: string, meant: unknown, fix?: string];

const AB = { a: 1, b: 2 };
const A = { a: 1 };

/** What models write in place of JSON, and what they mean. */
const REPAIRED: readonly Row[] = [
  // Trailing and doubled commas.
  ['{"a":1,}', A, "trailing comma"],
  ['{"a":1, }', A],
  ['{"a":1,\n}', A],
  ["[1,2,]", [1, 2]],
  ["[1,2 , ]", [1, 2]],
  ['{"a":[1,],}', { a: [1] }],
  ["[1,,2]", [1, 2], "comma"],
  ["[,1]", [1]],
  ['{,"a":1}', A],
  ['{"a":1,,"b":2}', AB],
  ['[{"a":1},]', [A]],
  ["[[1,],]", [[1]]],
  ['{"a":1,"b":2,,}', AB],
  // Quotes of other kinds, and none.
  ["{'a':1}", A, "quotes"],
  ["{'a':'b'}", { a: "b" }],
  ["{a:1}", A],
  ["{a: 1, b: 2}", AB],
  ["{a_b:1,$c:2,d-e:3}", { a_b: 1, $c: 2, "d-e": 3 }],
  ["{1: 'a'}", { 1: "a" }],
  ["{“a”: “b”}", { a: "b" }],
  ["{‘a’: ‘b’}", { a: "b" }],
  ["{„a“: „b“}", { a: "b" }],
  ["{`a`: `b`}", { a: "b" }],
  ["{'a': \"it's\"}", { a: "it's" }],
  ["{'a': 'it's fine'}", { a: "it's fine" }],
  ["{'a': 'say \"hi\"'}", { a: 'say "hi"' }],
  ["{'a': 'it\\'s'}", { a: "it's" }],
  ["['a', 'b']", ["a", "b"]],
  ["{a: b}", { a: "b" }],
  ["{a: hello world, b: 2}", { a: "hello world", b: 2 }],
  ['{"a": hello}', { a: "hello" }],
  ['{"a": hello"}', { a: "hello" }],
  ['{"url": https://x.example/y?z=1, "b": 2}', { url: "https://x.example/y?z=1", b: 2 }],
  ['{"at": 12:30}', { at: "12:30" }],
  ['{"on": 2024-05-01}', { on: "2024-05-01" }],
  ['{"price": $5.00}', { price: "$5.00" }],
  ['{"n": 5 apples}', { n: "5 apples" }],
  ['{"share": 50%}', { share: "50%" }],
  ['{"a": [red, green]}', { a: ["red", "green"] }],
  ["{müller: 'ä'}", { müller: "ä" }],
  ["{'a': u'b'}", { a: "b" }],
  ['{"a": """b"""}', { a: "b" }],
  ['{"a": """say "b"\nnow"""}', { a: 'say "b"\nnow' }],
  // Literals of other languages, and numbers.
  ['{"a": True, "b": False, "c": None}', { a: true, b: false, c: null }, "literal"],
  ["{'a': True}", { a: true }],
  ["[TRUE, FALSE, NULL]", [true, false, null]],
  ["[1, NaN, Infinity, -Infinity]", [1, null, null, null]],
  ['{"a": undefined}', { a: null }],
  ['{"a": nil}', { a: null }],
  ["[1, .5]", [1, 0.5], "number"],
  ["[1, 5.]", [1, 5]],
  ["[1, +5]", [1, 5]],
  ["[1, -.5]", [1, -0.5]],
  ["[1, 0x1F]", [1, 31]],
  ["[1, 1_000_000]", [1, 1_000_000]],
  ["[1, 007]", [1, "007"]],
  ["[1, 1.2.3]", [1, "1.2.3"]],
  ["[1, 5.e3]", [1, 5000]],
  // Missing commas, colons and values.
  ['{"a":1 "b":2}', AB, "missing comma"],
  ['{"a":1\n"b":2}', AB],
  ['{"a":"x"\n"b":"y"}', { a: "x", b: "y" }],
  ['{"a":"x" "b":"y"}', { a: "x", b: "y" }],
  ['{"a":{}"b":2}', { a: {}, b: 2 }],
  ['{"a":[] "b":2}', { a: [], b: 2 }],
  ["[1 2 3]", [1, 2, 3]],
  ["[1\n2]", [1, 2]],
  ['["a" "b"]', ["a", "b"]],
  ['["a"\n"b"]', ["a", "b"]],
  ['[{"a":1}{"a":1}]', [A, A]],
  ['[{"a":1}\n{"a":1}]', [A, A]],
  ["[[1][2]]", [[1], [2]]],
  ["{a: 1 b: 2}", AB],
  ['{"a":true "b":2}', { a: true, b: 2 }],
  ['{"a" 1}', A, "missing colon"],
  ['{"a" "b"}', { a: "b" }],
  ['{"a" {"b":2}}', { a: { b: 2 } }],
  ['{"a" = 1}', A, "colon"],
  ['{"a" => 1}', A],
  ['{"a":1; "b":2}', AB],
  ['{"a":"x"; "b":2}', { a: "x", b: 2 }],
  ['{"a":}', { a: null }, "missing value"],
  ['{"a":,"b":2}', { a: null, b: 2 }],
  // Brackets.
  ['{"a":1', A, "missing bracket"],
  ['{"a":{"b":2}', { a: { b: 2 } }],
  ['{"a":[1,2}', { a: [1, 2] }],
  ['{"a":[1,2', { a: [1, 2] }],
  ['[{"a":1}', [A]],
  ['[{"a":1]', [A]],
  ['[{"a":1, {"a":1}]', [A, A]],
  ['{"a":1,', A],
  ["[1,2", [1, 2]],
  ["[", []],
  ["{", {}],
  ['{"a":1}}', A, "extra bracket"],
  ['{"a":1}]', A],
  ["[1,2]]]", [1, 2]],
  ["[1,2}", [1, 2], "wrong bracket"],
  ['{"a":1]', A],
  // Quotes and line breaks within strings.
  ['{"a":"say "hi" now"}', { a: 'say "hi" now' }, "quote in a string"],
  ['{"a":"say "hi", then go", "b":2}', { a: 'say "hi", then go', b: 2 }],
  ['{"a":""hi""}', { a: '"hi"' }],
  ['{"a":"it is 5" long"}', { a: 'it is 5" long' }],
  ['{"a":"<a href="x">y</a>"}', { a: '<a href="x">y</a>' }],
  ['{"a":"print("x")"}', { a: 'print("x")' }],
  ['["say "hi" now","b"]', ['say "hi" now', "b"]],
  ['{"a":"x"y", "b":2}', { a: 'x"y', b: 2 }],
  ['{"a":"line\nbreak"}', { a: "line\nbreak" }, "control character"],
  ['{"a":"line\r\nbreak"}', { a: "line\r\nbreak" }],
  ['{"a":"tab\there"}', { a: "tab\there" }],
  ['{"a":"bell\u0007"}', { a: "bell\u0007" }],
  ['{"a":"hello, "b":2}', { a: "hello", b: 2 }, "missing quote"],
  ['{"a":"hello\n"b":2}', { a: "hello", b: 2 }],
  ['{"a":"hello}', { a: "hello" }],
  ['{"a":["hello]}', { a: ["hello"] }],
  // Escapes.
  ['{"a":"C:\\dir"}', { a: "C:\\dir" }, "escape"],
  ['{"a":"\\d+\\s"}', { a: "\\d+\\s" }],
  ['{"a":"\\$5 \\_x\\_"}', { a: "$5 _x_" }],
  ['{"a":"\\x41"}', { a: "A" }],
  ['{"a":"\\u12"}', { a: "\\u12" }],
  ['{"a":"one\\\ntwo"}', { a: "one\ntwo" }],
  ["{'a': 'x\\ny'}", { a: "x\ny" }],
  // Comments and ellipses.
  ['{"a":1 // one\n}', A, "comment"],
  ['{"a":1, // one\n"b":2}', AB],
  ['{/* first */"a":1}', A],
  ['{"a":/* one */1}', A],
  ['{"a":1} // done', A],
  ['{"a":1, # one\n"b":2}', AB],
  ["[1, /* two */ 2]", [1, 2]],
  ['{\n// a key\n"a":1}', A],
  ["[1,2,...]", [1, 2], "ellipsis"],
  ["[1,2, ... ]", [1, 2]],
  ["[1,2,…]", [1, 2]],
  ['{"a":1,...}', A],
  ['{"a":1}...', A],
  // Fences and prose.
  ['```json\n{"a":1}\n```', A, "code fence"],
  ['```\n{"a":1}\n```', A],
  ['```JSON\n{"a":1}\n```\n', A],
  ['~~~json\n{"a":1}\n~~~', A],
  ['```json {"a":1} ```', A],
  ['```{"a":1}```', A],
  ['````json\n{"a":1}\n````', A],
  ['```json\n{"a":1}', A],
  ['{"a":1}\n```', A],
  ['```json\n{"a":1,}\n```', A],
  ['```json\n{"a":1\n```', A],
  ["```json\n[1,\n2]\n```\nDone.", [1, 2]],
  ['```json\n{"a":"```"}\n```', { a: "```" }],
  ['Sure! Here it is:\n\n```json\n{"a":1}\n```\n\nAnything else?', A],
  ['Here it is: {"a":1}', A, "prose around"],
  ['{"a":1}\nI hope this helps.', A],
  ['The answer is {"a":1}.', A],
  ["The list is [1, 2, 3].", [1, 2, 3]],
  ['Use {name} and [1] as said: {"a":1}', A],
  ['- [ ] do\n- [x] done\n\n{"a":1}', A],
  ["# Title\n\n* one\n* two\n\n[1,2]", [1, 2]],
  ['{"a":1}\nSee [1] and {name}.', A],
  ['<json>{"a":1}</json>', A],
  ['<think>{hm}</think>\n{"a":1}', A],
  ['```bash\ncat {"x":1}\n```\nprints\n```json\n{"a":1}\n```', A],
  ['callback({"a":1});', A],
  ['json\n{"a":1}', A],
  ['const x = {"a":1};', A],
  ['"Hello," she said: {"a":1}', A],
  ['3 things: {"a":1}', A],
  // Encodings.
  ['\uFEFF{"a":1}', A, "space"],
  ['{"a":\u00a01}', A],
  ['{\\"a\\":1}', A, "escaped text"],
  ['{\\"a\\": \\"b\\\\nc\\"}', { a: "b\nc" }],
  ['{\\n  \\"a\\": [\\"b\\"]\\n}', { a: ["b"] }],
  ["{&quot;a&quot;:&quot;b &amp; c&quot;}", { a: "b & c" }, "HTML entities"],
  ["{&#34;a&#34;:1}", A],
  ['{"a":"ä 漢字 🙂",}', { a: "ä 漢字 🙂" }],
  ['{"a":"🙂" "b":2}', { a: "🙂", b: 2 }],
  // Signs in place of a value or a key.
  ['{"a": *}', { a: "*" }, "quotes"],
  ['{"a": <value>}', { a: "<value>" }],
  ['{"a": %d, "b": 2}', { a: "%d", b: 2 }],
  ['{"a": <x>, "c": "C:\\dir", "b": NaN}', { a: "<x>", c: "C:\\dir", b: null }],
  ['{"a": <value>}\nHope this helps!', { a: "<value>" }, "prose around"],
  ['{@k: 1, b c d: 2, first name: "Ann"}', { "@k": 1, "b c d": 2, "first name": "Ann" }],
  // What only the library decides.
  ['{"a": ~}', { a: "~" }, "syntax"],
  ['{"a": →, "b": 1}', { a: "→", b: 1 }, "syntax"],
];

/** What nobody can say the meaning of, and why. */
const UNREPAIRABLE: readonly (readonly [text: string, reason: RegExp])[] = [
  ["", /empty/],
  [" \n", /empty/],
  ["I cannot do that.", /no JSON/],
  ["hello", /no JSON/],
  ["True", /no JSON/],
  ["'a'", /no JSON/],
  ['"Hello," she said.', /no JSON/],
  ["Use {name} here, see [1].", /no JSON/],
  ["- [ ] do\n- [x] done", /no JSON/],
  ["[link](https://x.example)", /no JSON/],
  ["```\nno json\n```", /no JSON/],
  ["```python\nprint(1)\n```", /no JSON/],
  ['{"a":1}{"b":2}', /more than one/],
  ['{"a":1}\n{"b":2}\n', /more than one/],
  ['{"a":1}\n\nor\n\n{"b":2}', /more than one/],
  ['```json\n{"a":1}\n```\n```json\n{"b":2}\n```', /more than one/],
  ['{"a":{"b":1}}, "c":2}', /goes on/],
  ['{"a":1},{"b":2}', /goes on/],
  ['{"a":"hello', /breaks off/],
  ['{"a":"hello\\', /breaks off/],
  ['{"a":', /breaks off/],
  ['{"a', /breaks off/],
  ['{"a":1,"b', /breaks off/],
  ['{"a":tru', /breaks off/],
  ['{"a":"x"+"y"}', /code/],
  ['{"a":"x"+y}', /code/],
  ['{"a":ObjectId("x")}', /code/],
  ['{"a":new Date()}', /code/],
  ['{"a":f(1)}', /code/],
  ['{"a":/x/g}', /code/],
  ['{"a":"x" * 2}', /breaks off/],
  ['["a": 1]', /./],
  ['{"a"}', /broken/],
  ['{"a":1,234}', /broken/],
];

/** What comes when it was cut at this place. */
const CUT: readonly Row[] = [
  ['{"a":"hel', { a: "hel" }, "truncated"],
  ['{"a":"hel\\', { a: "hel" }],
  ['{"a":"hel\\u00', { a: "hel" }],
  ['{"a":"hel"', { a: "hel" }],
  ['{"a":"hel}', { a: "hel}" }],
  ['{"a":tr', { a: true }],
  ['{"a":fals', { a: false }],
  ['{"a":n', { a: null }],
  ['{"a":12', {}],
  ['{"a":12 ', { a: 12 }],
  ["[1,12", [1]],
  ['{"a":2024-05', {}],
  ['{"a":0x1F', {}],
  ['{"a":["b"]]', { a: ["b"] }],
  ['{"a":[1,2}', { a: [1, 2] }],
  ['["a",n', ["a", null]],
  ["{a: 'x', b", { a: "x" }],
  ['{"a":-', {}],
  ['{"a":', {}],
  ['{"a"', {}],
  ['{"a', {}],
  ["{", {}],
  ["[", []],
  ['{"a":1,', A],
  ['{"a":1,"b', A],
  ['{"a":1,"b":', A],
  ['[1,[2,{"a":[', [1, [2, { a: [] }]]],
  ['```json\n{"a":"b', { a: "b" }],
  ['Sure: {"a":["b', { a: ["b"] }],
];

const name = (text: string): string => JSON.stringify(text).slice(1, -1);

for (const [broken, meant, fix] of REPAIRED) {
  test(`repairs ${name(broken)}`, () => {
    const { verdict, text, fixes } = repairJson(broken);
    assert.equal(verdict, "repaired");
    assert.deepEqual(JSON.parse(text), meant);
    if (fix !== undefined) assert.ok(fixes.includes(fix), fixes.join());
  });
}

for (const [text, reason] of UNREPAIRABLE) {
  test(`cannot repair ${name(text)}`, () => {
    const repair = repairJson(text);
    assert.equal(repair.verdict, "unrepairable");
    assert.equal(repair.text, "");
    assert.match(repair.reason ?? "", reason);
  });
}

for (const [cut, meant, fix = "truncated"] of CUT) {
  test(`closes ${name(cut)} where it is known to be cut`, () => {
    const { verdict, text, fixes } = repairJson(cut, { truncated: true });
    assert.equal(verdict, "repaired");
    assert.deepEqual(JSON.parse(text), meant);
    assert.ok(fixes.includes(fix));
  });
}

const VALID = [
  '{"a":1}',
  ' \n{ "a" : [ ] , "b" : { } }\r\n\t',
  "[12345678901234567890, 1.0, 1E400, -0, 0.1000]",
  '{"b":1,"a":2,"b":3}',
  '{"__proto__":{"x":1},"constructor":{"prototype":{"x":1}}}',
  '"\\u0041\\/"',
  '"{\\"a\\":1}"',
  "-12.5e+3",
  "true",
  " null ",
  '{"a":"x,\\"y\\",", " : b":"}","c":"]"}',
  '["// no comment", "# none", "...", "```json", "&quot;", "it\'s", "“x”"]',
  '{"":""}',
  '[""," "]',
  `[${" ".repeat(500)}]`,
  `true${" ".repeat(70)}`,
  `{"a":"x","b"${" ".repeat(70)}:1}`,
  `{"a":"x",${" ".repeat(70)}"b":["y"${"\n".repeat(70)},"z"${" ".repeat(70)}]${" ".repeat(70)}}${" ".repeat(70)}`,
  "[true]\t",
  "[false]  ",
  "[null]\n",
  "[1] ",
  "[] ",
  "1".repeat(5000),
  `[1,${"1".repeat(5000)}]`,
  `{"a":-${"1".repeat(5000)}.${"0".repeat(5000)}e-12,"b":1}`,
  '["he, said","a, ","b\\\\",","]',
  `{"a":"\ud800"}`,
  `${"[".repeat(100)}${"]".repeat(100)}`,
];

for (const text of VALID) {
  test(`leaves ${name(text).slice(0, 60)} as it is`, () => {
    assert.deepEqual(repairJson(text), { verdict: "valid", text, fixes: [] });
  });
}

test("a number of any precision is kept as written beside what is repaired", () => {
  const { text } = repairJson('{"id": 12345678901234567890, "x": 1.10, y: 0.1e-400,}');
  assert.equal(text, '{"id": 12345678901234567890, "x": 1.10, "y": 0.1e-400}');
});

test("a key named like the prototype is a key and nothing more", () => {
  const { text } = repairJson("{__proto__: {polluted: true}, 'constructor': {prototype: {polluted: true}},}");
  assert.ok(Object.hasOwn(JSON.parse(text), "__proto__"));
  assert.equal(Object.hasOwn(Object.prototype, "polluted"), false);
});

test("what is too large or nested too deep is unrepairable", () => {
  assert.match(repairJson("[1,2,3]", { maxChars: 6 }).reason ?? "", /more than 6 characters/);
  assert.match(repairJson("[[[1]]]", { maxDepth: 2 }).reason ?? "", /more than 2 levels/);
  assert.equal(repairJson("[[1]]", { maxDepth: 2 }).verdict, "valid");
});

test("an empty text becomes what it is to be", () => {
  for (const text of ["", " \n"]) assert.equal(repairJson(text, { empty: "{}" }).text, "{}");
  assert.equal(repairJson("no", { empty: "{}" }).verdict, "unrepairable");
});

test("it makes no difference where a text is split", () => {
  const texts = [...REPAIRED, ...UNREPAIRABLE, ...CUT]
    .map(([text]) => text)
    .concat(VALID.filter((text) => text.length < 200));
  for (const text of texts) {
    for (const ending of ["stop", "cut", "refuse"] as const) {
      const whole = repairedIn([text], ending);
      assert.deepEqual(repairedIn([...text], ending), whole, text);
      for (let at = 1; at < text.length; at++) {
        assert.deepEqual(repairedIn([text.slice(0, at), text.slice(at)], ending), whole, text);
      }
    }
  }
});

function repairedIn(pieces: readonly string[], ending: "stop" | "cut" | "refuse"): object {
  const repairer = new JsonRepairer();
  const begun = pieces.map((piece) => repairer.push(piece)).join("");
  const { text, ...rest } = repairer.end(ending);
  return rest.verdict === "unrepairable" ? { ...rest, fixes: [] } : { ...rest, text: begun + text };
}
