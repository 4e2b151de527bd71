import assert from "node:assert/strict";
import { test } from "node:test";
import { collect, compose } from "@gatewright/core";
import { chat, scripted } from "@gatewright/core/testing";
import { without } from "./without.ts";

test("takes the word off an answer", async () => {
  const handler = compose([without("damn")], scripted("Well, damn it."));
  const completion = await collect(await handler(chat("Hello")));
  assert.equal(completion.choices[0]?.message.content, "Well, ···· it.");
});
