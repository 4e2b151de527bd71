import assert from "node:assert/strict";
import {
  chmodSync,
  existsSync,
  lstatSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  rmSync,
  statSync,
  symlinkSync,
  writeFileSync,
} from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { type TestContext, test } from "node:test";
import { editKeyFile, KeyEditError, readKeyFile } from "./edit.ts";
import { hashOf } from "./record.ts";

const alice = { name: "alice", sha256: hashOf("key of alice").toString("hex") };
const bob = { name: "bob", sha256: hashOf("key of bob").toString("hex") };

function temporary(t: TestContext): string {
  const folder = mkdtempSync(join(tmpdir(), "gatewright-keys-"));
  t.after(() => rmSync(folder, { recursive: true }));
  return join(folder, "keys.json");
}

test("a new file is its owner's alone, and nothing else is left beside it", (t) => {
  const path = temporary(t);
  editKeyFile(path, () => [alice]);
  assert.deepEqual(readKeyFile(path), [alice]);
  assert.equal(statSync(path).mode & 0o777, 0o600);
  assert.deepEqual(readdirSync(join(path, "..")), ["keys.json"]);
});

test("a file that is there is replaced whole, and its readers stay its readers", (t) => {
  const path = temporary(t);
  editKeyFile(path, () => [alice]);
  chmodSync(path, 0o640);
  const { ino } = statSync(path);
  editKeyFile(path, (records) => [...records, bob]);
  assert.deepEqual(readKeyFile(path), [alice, bob]);
  assert.equal(statSync(path).mode & 0o777, 0o640);
  assert.notEqual(statSync(path).ino, ino);
});

test("behind a symbolic link, the file is replaced and not the link", (t) => {
  const path = temporary(t);
  editKeyFile(path, () => [alice]);
  symlinkSync(path, `${path}.link`);
  editKeyFile(`${path}.link`, () => [bob]);
  assert.ok(lstatSync(`${path}.link`).isSymbolicLink());
  assert.deepEqual(readKeyFile(path), [bob]);
});

test("where another is at it, nothing is changed", (t) => {
  const path = temporary(t);
  editKeyFile(path, () => [alice]);
  editKeyFile(path, (records) => {
    assert.throws(() => editKeyFile(path, () => []), {
      name: "KeyEditError",
      message: /another command writes the keys/,
    });
    return [...records, bob];
  });
  assert.deepEqual(readKeyFile(path), [alice, bob]);
});

test("a change that fails, or gives what no gateway would take, leaves the file as it was", (t) => {
  const path = temporary(t);
  editKeyFile(path, () => [alice]);
  const before = readFileSync(path, "utf8");
  const refused = new KeyEditError("no");
  const fail = (): never => {
    throw refused;
  };
  assert.throws(
    () => editKeyFile(path, fail),
    (error) => error === refused,
  );
  assert.throws(() => editKeyFile(path, () => [alice, alice]), {
    name: "KeyEditError",
    message: /keys\[1\]\.name is given twice/,
  });
  assert.equal(readFileSync(path, "utf8"), before);
  assert.deepEqual(readdirSync(join(path, "..")), ["keys.json"]);
});

test("a file that is no key file is not overwritten", (t) => {
  const path = temporary(t);
  for (const content of ["", "{}", '{"keys":[{"name":"a"}]}']) {
    writeFileSync(path, content);
    assert.throws(() => editKeyFile(path, () => [alice]), { name: "KeyEditError", message: new RegExp(`^${path}: `) });
    assert.equal(readFileSync(path, "utf8"), content);
  }
});

test("a folder that is not there is told of", (t) => {
  const path = join(temporary(t), "keys.json");
  assert.throws(() => editKeyFile(path, () => [alice]), { name: "KeyEditError", message: /ENOENT/ });
  assert.equal(existsSync(path), false);
});
