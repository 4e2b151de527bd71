import assert from "node:assert/strict";
import { test } from "node:test";
import { createCall } from "@gatewright/core";
import { startSimulator } from "@gatewright/simulator";
import { makePipeline } from "./pipeline.ts";
import { callers, MARKER_HEADER } from "./routes.ts";

test("the pipeline of the soak answers, and every call leaves one record", async () => {
  const simulator = await startSimulator();
  const over = new AbortController();
  try {
    const { handler, state } = makePipeline(simulator.url, 2);
    const headers = { authorization: `Bearer ${callers[0]?.key}`, [MARKER_HEADER]: "m" };
    const call = createCall({ headers, signal: over.signal });
    const { chunks } = await handler({ model: "plain", messages: [{ role: "user", content: "Hello" }], call });
    for await (const _ of chunks);
    assert.deepEqual([state().entered, state().unended], [1, 0]);
  } finally {
    over.abort();
    await simulator.close();
  }
});
