import assert from "node:assert/strict";
import { after, before, test } from "node:test";
import { type Simulator, startSimulator } from "./start-simulator.ts";

let simulator: Simulator;
before(async () => {
  simulator = await startSimulator();
});
after(() => simulator.close());

function ask(model: string): Promise<Response> {
  const body = JSON.stringify({ model, stream: true, messages: [{ role: "user", content: "one two three" }] });
  return fetch(`${simulator.url}/chat/completions`, { method: "POST", body });
}

test("waits between the chunks, before the headers and after them", async () => {
  const start = performance.now();
  const response = await ask("sim+delay=20+first=20+pace=10");
  assert.ok(performance.now() - start >= 19);
  await response.text();
  assert.ok(performance.now() - start >= 57);
});

test("pings and trickle go on until the client leaves", async () => {
  for (const [model, pattern] of [
    ["sim+pings", /^(: ping\n\n)+$/],
    ["sim+trickle=1", /^(data: \{[^\n]+\n\n)+$/],
  ] as const) {
    const response = await ask(model);
    let text = "";
    for await (const piece of response.body ?? []) {
      text += Buffer.from(piece).toString();
      if (text.split("\n\n").length > 8) break;
    }
    assert.match(text, pattern);
  }
});

test("endless sends chunks as fast as they are read", async () => {
  let bytes = 0;
  for await (const piece of (await ask("sim+endless")).body ?? []) {
    bytes += piece.length;
    if (bytes > 5_000_000) break;
  }
  assert.ok(bytes > 5_000_000);
});
