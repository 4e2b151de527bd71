import assert from "node:assert/strict";
import { mkdirSync, mkdtempSync, rmSync, truncateSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { after, test } from "node:test";
import { createCall } from "../call.ts";
import { caller } from "../caller.ts";
import { fileTranscripts } from "./file.ts";

const root = mkdtempSync(join(tmpdir(), "transcripts-"));
after(() => rmSync(root, { recursive: true }));
const folder = join(root, "folder");
mkdirSync(join(folder, "folder.json"), { recursive: true });
const put = (name: string, content: string | Uint8Array): void => writeFileSync(join(folder, name), content);
put("a.json", JSON.stringify({ id: "a", status: "completed", text: "From JSON", words: [] }));
put("a.txt", "never read");
put("b.txt", "From text");
put("c.json", '{"text":"Without an id"}');
put("mine.json", '{"text":"Alice\'s","owner":"key alice"}');
put("mine.txt", "Alice's as text");
put("broken.json", "{");
put("list.json", "[]");
put("latin.txt", new Uint8Array([0xe4]));
put("large.txt", "");
truncateSync(join(folder, "large.txt"), 33 * 1024 * 1024);
writeFileSync(join(root, "secret.txt"), "hush");
writeFileSync(join(root, "secret.json"), '{"text":"hush"}');

const source = fileTranscripts(folder);

test("a record is read from JSON, else a text from a text file", async () => {
  assert.deepEqual(await source("a", createCall()), { id: "a", status: "completed", text: "From JSON" });
  assert.deepEqual(await source("b", createCall()), { id: "b", text: "From text" });
  assert.equal((await source("c", createCall()))?.id, "c");
  assert.equal(await source("missing", createCall()), undefined);
});

test("nothing but an id comes into a path", async () => {
  const tricks = [
    "../secret",
    "..\\secret",
    "%2e%2e%2fsecret",
    "",
    ".",
    "..",
    "a.json",
    "a\0",
    `${root}/secret`,
    "a/../a",
  ];
  for (const id of tricks) assert.equal(await source(id, createCall()), undefined, id);
});

test("one that has an owner is there for nobody else, not even as text", async () => {
  assert.equal(await source("mine", createCall()), undefined);
  const call = createCall();
  call.context.set(caller, { name: "alice" });
  assert.equal((await source("mine", call))?.text, "Alice's");
});

test("a file that cannot be used fails the call", async () => {
  for (const id of ["broken", "list", "latin", "large", "folder"]) await assert.rejects(source(id, createCall()));
  await assert.rejects(source("b", createCall({ signal: AbortSignal.abort(new Error("left")) })));
});

test("a folder must be named, and be there", () => {
  assert.throws(() => fileTranscripts(""), /^TypeError: fileTranscripts: folder /);
  for (const none of [join(root, "nowhere"), join(root, "secret.txt")]) {
    assert.throws(
      () => fileTranscripts(none),
      (error) => error instanceof TypeError && error.message.includes(JSON.stringify(none)),
    );
  }
});
