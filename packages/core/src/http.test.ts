import assert from "node:assert/strict";
import { test } from "node:test";
import { abandon, type HttpReply } from "./http.ts";

test("a reply that is abandoned is begun and ended, so that what is behind it is let go", async () => {
  const steps: string[] = [];
  const body = async function* (): AsyncGenerator<string> {
    try {
      steps.push("begun");
      yield "a";
      steps.push("read on");
      yield "b";
    } finally {
      steps.push("let go");
    }
  };
  await abandon(replyOf(body()));
  assert.deepEqual(steps, ["begun", "let go"]);
});

test("a reply that is whole or empty is abandoned without more", async () => {
  await abandon(replyOf("whole"));
  await abandon(replyOf((async function* () {})()));
});

function replyOf(body: HttpReply["body"]): HttpReply {
  return { status: 200, headers: {}, body };
}
