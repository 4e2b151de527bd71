import assert from "node:assert/strict";
import { mkdtempSync, renameSync, rmSync, truncateSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { type TestContext, test } from "node:test";
import { auth } from "../middleware/auth.ts";
import { chat, type FakeClock, fakeClock } from "../testing.ts";
import { type KeyFile, keyFile } from "./file.ts";
import { hashOf } from "./record.ts";

const alice = { name: "alice", sha256: sha256Of("key of alice") };
const bob = { name: "bob", sha256: sha256Of("key of bob"), models: ["gpt-*"] };

function sha256Of(key: string): string {
  return hashOf(key).toString("hex");
}

interface Opened {
  readonly path: string;
  readonly file: KeyFile;
  readonly clock: FakeClock;
  readonly errors: string[];
  /** Lets the file be looked at, until that was done. */
  look(): Promise<void>;
}

function open(t: TestContext, content: unknown): Opened {
  const path = temporary(t);
  write(path, content);
  const clock = fakeClock();
  const errors: string[] = [];
  const file = keyFile(path, { clock, onError: (error) => errors.push(error.message) });
  t.after(() => file.close());
  const look = async (): Promise<void> => {
    await clock.advance(1000);
    // The next look is planned when this one is over.
    while (clock.waiting === 0) await new Promise((resolve) => setImmediate(resolve));
  };
  return { path, file, clock, errors, look };
}

function temporary(t: TestContext): string {
  const folder = mkdtempSync(join(tmpdir(), "gatewright-keys-"));
  t.after(() => rmSync(folder, { recursive: true }));
  return join(folder, "keys.json");
}

function write(path: string, content: unknown): void {
  writeFileSync(path, typeof content === "string" ? content : JSON.stringify({ keys: content }));
}

test("the keys of a file are found by their hashes, at once", async (t) => {
  const { file } = open(t, [alice, bob]);
  assert.deepEqual(file(bob.sha256), bob);
  assert.equal(file(sha256Of("wrong")), undefined);
  const { check, allows } = auth({ keys: file });
  const { call } = chat("Hi", { headers: { "x-api-key": "key of bob" } });
  await check(call);
  assert.equal(allows(call, "gpt-5"), true);
  assert.equal(allows(call, "o9"), false);
});

test("a change is seen within the time of a look", async (t) => {
  const { path, file, look } = open(t, [alice]);
  const { check } = auth({ keys: file });
  const call = (key: string): Promise<void> => check(chat("Hi", { headers: { "x-api-key": key } }).call);
  await call("key of alice");
  write(path, [{ ...alice, disabled: true }, bob]);
  await look();
  await call("key of bob");
  await assert.rejects(call("key of alice"), { code: "llm.auth.invalid_key", message: /disabled/ });
});

test("another file that takes its place is seen, though it is as large and as old", async (t) => {
  const { path, file, look } = open(t, [{ ...alice, name: "carol" }]);
  write(`${path}.new`, [alice]);
  renameSync(`${path}.new`, path);
  await look();
  assert.equal(file(alice.sha256)?.name, "alice");
});

test("a file that cannot be used any more is told of once, and the keys stay", async (t) => {
  const { path, file, errors, look } = open(t, [alice]);
  const contents = ["{", [{ ...alice, sha256: "x" }], [alice, { ...bob, modles: ["a"] }], '{"kyes":[]}'];
  for (const content of contents) {
    write(path, content);
    await look();
    await look();
  }
  rmSync(path);
  await look();
  await look();
  assert.deepEqual(
    errors.map((message) => message.replace(path, "FILE")),
    [
      "keyFile: FILE: it is not valid JSON in UTF-8.",
      "keyFile: FILE: keys[0].sha256 must be the 64 hex digits of a SHA-256.",
      'keyFile: FILE: keys[1] has the unknown field "modles"; there are name, models, regions, limits, concurrency, metadata, sha256, expiresAt, disabled, hint.',
      'keyFile: FILE: it has the unknown field "kyes"; there are keys.',
      "ENOENT: no such file or directory, stat 'FILE'",
    ],
  );
  assert.ok(file(alice.sha256));
  write(path, [bob]);
  await look();
  assert.equal(file(alice.sha256), undefined);
  assert.ok(file(bob.sha256));
  assert.equal(errors.length, 5);
});

test("once closed, a file is not looked at any more", async (t) => {
  const { path, file, clock } = open(t, [alice]);
  file.close();
  assert.equal(clock.waiting, 0);
  write(path, []);
  await clock.advance(5000);
  assert.ok(file(alice.sha256));
});

test("an empty list is a file without keys", (t) => {
  assert.equal(open(t, []).file(alice.sha256), undefined);
});

const BAD: readonly (readonly [unknown, RegExp])[] = [
  ["", /not valid JSON/],
  ["[]", /must be { "keys": \[ … \] }/],
  ["null", /must be { "keys": \[ … \] }/],
  ['{"keys":{}}', /its keys must be a list/],
  ['{"keys":[],"version":1}', /unknown field "version"/],
  [[alice, { ...bob, key: "a-secret" }], /keys\[1\] has the unknown field "key"/],
  [[alice, alice], /keys\[1\]\.name is given twice: keys\[0\] has it/],
  [[alice, { ...alice, name: "bob" }], /keys\[1\] is a key that is given twice/],
  [[{ ...alice, limits: [{ requests: 1e300, windowMs: 1 }] }], /keys\[0\]\.limits\[0\]\.requests must be/],
];

for (const [content, message] of BAD) {
  test(`at the start it is said: ${message.source}`, (t) => {
    const path = temporary(t);
    write(path, content);
    assert.throws(
      () => keyFile(path),
      (error) =>
        error instanceof TypeError && error.message.startsWith(`keyFile: ${path}: `) && message.test(error.message),
    );
  });
}

test("what is no file, is too large, or is not there does not start", (t) => {
  const path = temporary(t);
  assert.throws(() => keyFile(path), { code: "ENOENT", message: new RegExp(path) });
  writeFileSync(path, "");
  truncateSync(path, 64 * 1024 * 1024 + 1);
  assert.throws(() => keyFile(path), { message: /more than 67108864 bytes/ });
  assert.throws(() => keyFile(tmpdir()), { message: /is no file/ });
  assert.throws(() => keyFile(path, { pollMs: 0 }), { name: "TypeError", message: /^keyFile: pollMs must be/ });
});
