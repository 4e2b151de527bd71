import assert from "node:assert/strict";
import { createHash } from "node:crypto";
import { test } from "node:test";
import { hashOf, keepChecked, readApiKey, readRecord } from "./record.ts";

const sha256 = createHash("sha256").update("a key").digest("hex");
const record = { name: "alice", sha256 };

test("a record becomes its hash, its caller and the time it is good for", () => {
  const known = readRecord({ ...record, models: ["a"], expiresAt: "2027-01-31", hint: "gw_a...b" }, "part", "keys[0]");
  assert.deepEqual(known.hash, hashOf("a key"));
  assert.deepEqual(known.caller, { name: "alice", models: ["a"] });
  assert.equal(known.expiresAtMs, Date.UTC(2027, 0, 31));
  assert.equal(known.disabled, false);
});

test("without a date a key is good for ever", () => {
  assert.equal(readRecord(record, "part", "it").expiresAtMs, Number.POSITIVE_INFINITY);
});

test("a date may have a time with its zone, or be a Date", () => {
  const read = (expiresAt: unknown): number => readRecord({ ...record, expiresAt }, "part", "it").expiresAtMs;
  assert.equal(read("2027-01-31T18:00:00Z"), Date.UTC(2027, 0, 31, 18));
  assert.equal(read("2027-01-31T18:00+02:00"), Date.UTC(2027, 0, 31, 16));
  assert.equal(read(new Date(5)), 5);
});

test("what is changed later in what was given changes no rights", () => {
  const given = { ...record, models: ["a"], limits: [{ requests: 1, windowMs: 1 }] };
  const { caller } = readRecord(given, "part", "it");
  given.models.push("*");
  given.limits.pop();
  assert.deepEqual(caller.models, ["a"]);
  assert.equal(caller.limits?.length, 1);
  assert.ok(Object.isFrozen(caller) && Object.isFrozen(caller.models) && Object.isFrozen(caller.limits));
});

test("a record that was checked is not checked again, and cannot change", () => {
  const own = { ...record };
  const known = readRecord(own, "part", "it");
  assert.notEqual(readRecord(own, "part", "it"), known);
  keepChecked(own, known);
  assert.equal(readRecord(own, "part", "it"), known);
  assert.throws(() => Object.assign(own, { name: "mallory" }), TypeError);
});

const BAD: readonly (readonly [unknown, RegExp])[] = [
  [null, /^part: keys\[1\] must be an object/],
  [[], /^part: keys\[1\] must be an object/],
  [{ sha256 }, /keys\[1\]\.name must be 1 to 256/],
  [{ name: "a\nb", sha256 }, /keys\[1\]\.name must be 1 to 256/],
  [{ name: "a" }, /keys\[1\]\.sha256 must be the 64 hex digits/],
  [{ name: "a", sha256: `${sha256}0` }, /keys\[1\]\.sha256 must be/],
  [{ name: "a", sha256: "a secret" }, /keys\[1\]\.sha256 must be/],
  [{ ...record, disabled: "no" }, /keys\[1\]\.disabled must be true or false/],
  [{ ...record, hint: 1 }, /keys\[1\]\.hint must be a text/],
  [{ ...record, hint: "\u001b[2J" }, /keys\[1\]\.hint must be a text/],
  [{ ...record, expiresAt: "soon" }, /keys\[1\]\.expiresAt must be a date/],
  [{ ...record, expiresAt: "2027-02-30" }, /keys\[1\]\.expiresAt must be a date/],
  [{ ...record, expiresAt: "2027-01-31T18:00:00" }, /keys\[1\]\.expiresAt must be a date/],
  [{ ...record, expiresAt: "2027-01-31T25:00:00Z" }, /keys\[1\]\.expiresAt must be a date/],
  [{ ...record, expiresAt: 1_800_000_000 }, /keys\[1\]\.expiresAt must be a date/],
  [{ ...record, expiresAt: new Date("no date") }, /keys\[1\]\.expiresAt must be a date/],
  [{ ...record, key: "a key" }, /keys\[1\] has the unknown field "key"/],
  [
    { ...record, expires_at: "2027-01-31" },
    /keys\[1\] has the unknown field "expires_at"; there are name, .*expiresAt/,
  ],
];

for (const [value, message] of BAD) {
  test(`a bad record is told of: ${message.source} (${JSON.stringify(value)?.slice(0, 40)})`, () => {
    assert.throws(
      () => readRecord(value, "part", "keys[1]"),
      (error) => error instanceof TypeError && message.test(error.message) && !error.message.includes("a secret"),
    );
  });
}

test("a listed key has the key or its hash, and is kept as the hash alone", () => {
  const known = readApiKey({ name: "alice", key: "a key" }, "auth", "keys[0]");
  assert.deepEqual(known, readApiKey(record, "auth", "keys[0]"));
  assert.ok(!JSON.stringify(known).includes("a key"));
});

test("a bad listed key is told of, without the key", () => {
  const secrets = ["", " a-secret", "a-secret\n", "a-sec\u0000ret", "a-secret".repeat(65), 7, null];
  for (const key of secrets) {
    assert.throws(
      () => readApiKey({ name: "alice", key }, "auth", "keys[2]"),
      (error) =>
        error instanceof TypeError && /^auth: keys\[2\]\.key must be/.test(error.message) && !/sec/.test(error.message),
    );
  }
  for (const value of [{ name: "alice" }, { name: "alice", key: "a key", sha256 }]) {
    assert.throws(() => readApiKey(value, "auth", "keys[2]"), {
      message: "auth: keys[2] must have either key or sha256.",
    });
  }
});
