import assert from "node:assert/strict";
import { test } from "node:test";
import { failureOf } from "../testing/outcome.ts";
import { completed, withoutUrlSecrets } from "./errors.ts";

const SHOWN: Readonly<Record<string, string>> = {
  "Download error: unable to download https://b.s3.amazonaws.com/a.mp3?X-Amz-Signature=hush&b=hush.":
    "Download error: unable to download https://b.s3.amazonaws.com/a.mp3?***",
  "https://me:hush@x.test:8443/a.mp3 is no audio": "https://***@x.test:8443/a.mp3 is no audio",
  "ftp://hush@x.test/a and s3://b/k?t=hush": "ftp://***@x.test/a and s3://b/k?***",
  "HTTPS://x.test/a#hush": "https://x.test/a?***",
  "https://me:hu/sh@x.test/a": "***",
  "https://me:hu?sh@x.test/a": "***",
  '{"url":"https://x.test/?a=hush"}, https://x.test/\'hush?\'hush':
    '{"url":"https://x.test/?***"}, https://x.test/\'hush?***',
  "Was it a/b? No: 4://5, c://": "Was it a/b? No: 4://5, c://",
};

test("what others could use of a URL is not shown", () => {
  for (const [text, shown] of Object.entries(SHOWN)) assert.equal(withoutUrlSecrets(text), shown);
});

test("a long text of beginnings of URLs is searched at once", () => {
  for (const part of ["a.", "a-", "https://", "a://b@", "aaaa"]) {
    const begun = performance.now();
    withoutUrlSecrets(part.repeat(1_000_000));
    const ms = performance.now() - begun;
    assert.ok(ms < 500, `${part}: ${ms} ms`);
  }
});

test("why there is no transcript is told without them", async () => {
  const error = "Could not read https://me:hush@x.test/a.mp3?sig=hush";
  const failure = await failureOf((async () => completed({ id: "a", status: "error", error }, "fallbacks[1].id"))());
  assert.equal(failure.message, "fallbacks[1].id: the transcript failed: Could not read https://***@x.test/a.mp3?***");
});
