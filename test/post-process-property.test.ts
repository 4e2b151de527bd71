import assert from "node:assert/strict";
import { test } from "node:test";
import { JsonRepairer, repairJson } from "@gatewright/post-process";
import fc from "fast-check";

/** A repair of the same text in pieces that end at the given places. */
function inPieces(
  text: string,
  places: readonly number[],
  cut = false,
): { verdict: string; text: string; held: number } {
  const repairer = new JsonRepairer();
  const ends = [...places.map((place) => place % (text.length + 1)), text.length].sort((a, b) => a - b);
  let out = "";
  let from = 0;
  let held = 0;
  for (const end of ends) {
    out += repairer.push(text.slice(from, end));
    held = Math.max(held, end - out.length);
    from = end;
  }
  const { verdict, text: rest } = repairer.end(cut ? "cut" : "stop");
  return { verdict, text: verdict === "unrepairable" ? "" : out + rest, held };
}

const places = fc.array(fc.nat(2000), { maxLength: 20 });
const short = fc.string({ maxLength: 20, unit: "binary" });

/** JSON text as one may write it: spaces anywhere, numbers of any size, lone surrogates, keys that come twice. */
const written: fc.Arbitrary<string> = fc.letrec<{ value: string }>((tie) => {
  const space = fc.constantFrom("", "", " ", "\n", "\t\r\n  ");
  const digits = fc.bigInt().map(String);
  const number = fc.oneof(
    digits,
    fc.tuple(digits, fc.nat(), fc.integer({ min: -400, max: 400 })).map(([a, b, c]) => `${a}.${b}e${c}`),
    fc.constantFrom("-0", "0.0", "1E+2"),
  );
  const string = fc.oneof(
    fc
      .oneof(short, fc.string({ unit: fc.constantFrom(..."\",'}]{[:\\ \nab`\u201d") }))
      .map((text) => JSON.stringify(text)),
    fc.constantFrom('"\\ud800"', '"\ud800"', '"\\/\\u0041"', '"__proto__"'),
  );
  const padded = fc.tuple(space, tie("value"), space).map((parts) => parts.join(""));
  const member = fc.tuple(space, string, space, padded).map(([a, key, b, value]) => `${a}${key}${b}:${value}`);
  const many = (item: fc.Arbitrary<string>, open: string, close: string): fc.Arbitrary<string> =>
    fc.tuple(space, fc.array(item, { maxLength: 4 })).map(([a, items]) => `${open}${items.join(",") || a}${close}`);
  const scalar = fc.oneof(number, string, fc.constantFrom("true", "false", "null"));
  return { value: fc.oneof({ maxDepth: 4 }, scalar, many(padded, "[", "]"), many(member, "{", "}")) };
}).value;

test("valid JSON comes back byte for byte, in any pieces, and little of it is held", () => {
  fc.assert(
    fc.property(written, places, (text, split) => {
      JSON.parse(text);
      assert.deepEqual(repairJson(text), { verdict: "valid", text, fixes: [] });
      const { verdict, text: streamed } = inPieces(text, split);
      assert.deepEqual([verdict, streamed], ["valid", text]);
    }),
    { numRuns: 2000 },
  );
});

test("of valid JSON with short keys, no more is held than a look ahead takes", () => {
  const value = fc.array(
    fc.dictionary(fc.string({ maxLength: 10 }), fc.string({ maxLength: 200 }), { noNullPrototype: true }),
  );
  fc.assert(
    fc.property(value, (parsed) => {
      const text = JSON.stringify(parsed, undefined, 2);
      const { held } = inPieces(
        text,
        Array.from({ length: text.length }, (_, at) => at),
      );
      assert.ok(held <= 150, `${held} characters were held`);
    }),
    { numRuns: 200 },
  );
});

/** JSON with characters taken out, put in and changed: what a model might answer, and much that none would. */
const broken = fc
  .tuple(
    written,
    fc.array(
      fc.tuple(
        fc.nat(300),
        fc.nat(3),
        fc.constantFrom(..."\",'}]{[:\\ \n`/#a1.-+(;…“”&", "```", "//", "True", "\\n", '\\"'),
      ),
      { maxLength: 6 },
    ),
    fc.constantFrom("", "Sure: ", "```json\n", "[1] and {x}:\n", "\uFEFF"),
    fc.constantFrom("", "\n```", " Done.", "}", ",", ' {"b":1}'),
  )
  .map(([text, edits, before, behind]) => {
    let edited = text;
    for (const [at, taken, put] of edits) {
      const place = at % (edited.length + 1);
      edited = edited.slice(0, place) + put + edited.slice(place + taken);
    }
    return before + edited + behind;
  });

test("whatever is broken, what comes out parses, and it is the same in any pieces", () => {
  const seen = new Map<string, number>();
  fc.assert(
    fc.property(broken, places, fc.boolean(), (text, split, cut) => {
      const whole = repairJson(text, { truncated: cut });
      seen.set(whole.verdict, (seen.get(whole.verdict) ?? 0) + 1);
      assert.notEqual(whole.reason, "its repair came out wrong");
      if (whole.verdict !== "unrepairable") JSON.parse(whole.text);
      const { verdict, text: streamed } = inPieces(text, split, cut);
      assert.deepEqual([verdict, streamed], [whole.verdict, whole.text]);
      const each = inPieces(
        text,
        Array.from({ length: text.length }, (_, at) => at),
        cut,
      );
      assert.deepEqual([each.verdict, each.text], [whole.verdict, whole.text]);
    }),
    { numRuns: 3000 },
  );
  for (const verdict of ["repaired", "unrepairable"]) assert.ok((seen.get(verdict) ?? 0) > 50, `${[...seen]}`);
});

test("valid JSON that is cut anywhere is closed, and what was complete is kept", () => {
  const json = fc.object({ maxDepth: 3 }).map((value) => JSON.stringify(value));
  fc.assert(
    fc.property(json, fc.nat(1000), (text, at) => {
      const cut = text.slice(0, 1 + (at % text.length));
      const { verdict, text: closed } = repairJson(cut, { truncated: true });
      assert.notEqual(verdict, "unrepairable");
      JSON.parse(closed);
    }),
    { numRuns: 1000 },
  );
});

test("any text at all has a verdict", () => {
  fc.assert(
    fc.property(
      fc.oneof(short, fc.string({ unit: "binary" }), fc.string({ unit: fc.constantFrom(..."{}[]\",:'`\\ \nae1/*") })),
      (text) => {
        const { verdict, text: out } = repairJson(text);
        if (verdict !== "unrepairable") JSON.parse(out);
      },
    ),
    { numRuns: 3000 },
  );
});
