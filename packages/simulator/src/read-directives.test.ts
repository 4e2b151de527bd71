import assert from "node:assert/strict";
import test from "node:test";
import { directiveGroups } from "./directives.ts";
import { checkKind, readDirectives, readModel, withoutFaults } from "./read-directives.ts";
import { RequestError } from "./request-error.ts";

const refuses = (run: () => unknown, pattern: RegExp) =>
  assert.throws(run, (error) => error instanceof RequestError && error.status === 400 && pattern.test(error.message));

test("takes a model name apart", () => {
  assert.deepEqual(readModel("openai/gpt-4o:x@y~1"), { name: "openai/gpt-4o:x@y~1", directives: {} });
  assert.deepEqual(readModel("sim+status=429+retry-after=-1+stall=first+reset+cut=0+chance=.25"), {
    name: "sim",
    directives: { status: 429, "retry-after": "-1", stall: "first", reset: true, cut: 0, chance: 0.25 },
  });
});

test("keeps an equals sign within a value", () => {
  assert.deepEqual(readDirectives(["redirect=http://a/?b=c"], "x-simulate"), { redirect: "http://a/?b=c" });
});

test("names what it does not know and lists what it does", () => {
  for (const item of ["sttus=503", "", "constructor", "Status=503"]) {
    refuses(() => readDirectives([item], "model"), new RegExp(`"${item.split("=")[0]}".* words, chunks, .*chaos\\.$`));
  }
});

test("names a bad value and says what it should be", () => {
  const bad = [
    "status",
    "status=",
    "status=abc",
    "status=600",
    "pace=-1",
    "pace=1.5",
    "pace=1e3",
    "crlf=yes",
    "gzip=zip",
  ];
  bad.push("chance=2", "chance=x", "finish=end", "retry-after=a\r\nb", `code=${"x".repeat(201)}`);
  for (const item of bad)
    refuses(() => readDirectives([item], "model"), new RegExp(`^Directive "${item.split("=")[0]}"`));
  refuses(
    () => readDirectives(["stall=x"], "model"),
    /no value, or one of headers, first, or a whole number from 0 to/,
  );
});

test("refuses a directive that is given twice, and a name that is missing", () => {
  refuses(() => readModel("sim+cut=1+cut=2"), /given twice/);
  refuses(() => readModel("+cut=1"), /must not start/);
});

test("refuses what could have no effect", () => {
  refuses(() => checkKind({ malformed: 1 }, false), /"malformed" needs "stream": true/);
  refuses(() => checkKind({ "sse-for-json": true }, true), /"sse-for-json" needs "stream": false/);
  refuses(() => checkKind({ code: "x" }, false), /"code" needs status/);
  refuses(() => checkKind({ "error-status": 429 }, false), /"error-status" needs error-in-200/);
  checkKind({ cut: 1, reset: 2, code: "x", status: 400 }, false);
});

test("takes the faults out", () => {
  assert.deepEqual(withoutFaults({ words: 3, pace: 2, status: 500, cut: 1, reset: true, times: 1 }), {
    words: 3,
    pace: 2,
    times: 1,
  });
});

test("has every directive once, in characters that model names may have", () => {
  const names = directiveGroups.flatMap(({ rules }) => Object.keys(rules));
  assert.equal(new Set(names).size, names.length);
  for (const name of names) assert.match(name, /^[a-z0-9-]+$/);
});
