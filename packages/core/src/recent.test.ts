import assert from "node:assert/strict";
import { test } from "node:test";
import { Recent } from "./recent.ts";

test("a value is made on first use, for its name, and kept", () => {
  const made: string[] = [];
  const recent = new Recent((name) => ({ name, at: made.push(name) }));
  const a = recent.get("a");
  assert.deepEqual(a, { name: "a", at: 1 });
  assert.equal(recent.get("__proto__").name, "__proto__");
  assert.equal(recent.get("a"), a);
  assert.deepEqual(made, ["a", "__proto__"]);
  assert.deepEqual(Array.from(recent.values(), ({ name }) => name).toSorted(), ["__proto__", "a"]);
});

test("past a thousand names, the one that was not used for longest is forgotten", () => {
  const made: string[] = [];
  const recent = new Recent((name) => made.push(name));
  for (let name = 0; name < 1000; name++) recent.get(String(name));
  recent.get("0");
  recent.get("new");
  assert.equal(Array.from(recent.values()).length, 1000);
  made.length = 0;
  for (const name of ["0", "2", "999", "new"]) recent.get(name);
  assert.deepEqual(made, []);
  recent.get("1");
  assert.deepEqual(made, ["1"]);
});

test("however many names callers invent, no more than a thousand are held", () => {
  const recent = new Recent((name) => name);
  for (let name = 0; name < 10_000; name++) recent.get(String(name));
  assert.equal(Array.from(recent.values()).length, 1000);
});

test("what is to be kept outlives names that somebody makes up, as long as there is something else to forget", () => {
  const made: string[] = [];
  const recent = new Recent(
    (name) => {
      made.push(name);
      return { name };
    },
    ({ name }) => name === "open",
  );
  recent.get("open");
  for (let number = 0; number < 5000; number++) recent.get(`made-up-${number}`);
  recent.get("open");
  assert.equal(made.filter((name) => name === "open").length, 1);
  assert.equal([...recent.values()].length, 1000);
});
