import assert from "node:assert/strict";
import { test } from "node:test";
import { type ChatBody, collect, GatewayError } from "@gatewright/core";
import { chat } from "@gatewright/core/testing";
import { MockAgent } from "undici";
import { openai } from "./openai.ts";

const KEY = "Zq7Rk2Vw9Tn4Xp6Ls8Jd3Hf5Gb1Mc0Qy";
const PROMPT = 'The transcript: "Ada" called;\nshe wants her appointment on Monday moved. Größe: 1,60 m.';

const QUOTED: Readonly<Record<string, readonly [quoted: string, shown: string]>> = {
  "as it is": [`Rejected: ${PROMPT}`, "Rejected: […]"],
  "as JSON": [`Rejected: ${JSON.stringify({ content: PROMPT })} (policy)`, 'Rejected: {"content":"[…]"} (policy)'],
  "in part": [`Rejected near '${PROMPT.slice(20, 60)}'.`, "Rejected near '[…]'."],
  "beyond what is shown": [`${"x".repeat(980)} ${PROMPT}`, `${"x".repeat(980)} […]`],
  "in a few words": ["Rejected: 'Ada' called on Monday.", "Rejected: 'Ada' called on Monday."],
};

for (const [how, [message, shown]] of Object.entries(QUOTED)) {
  test(`a provider's error that quotes the prompt ${how} is shown without it`, async () => {
    const { provider } = answering(400, JSON.stringify({ error: { message } }));
    const error = await failureOf(() => provider(asking()));
    assert.equal(error.message, `openai refused the call: ${shown}`);
  });
}

test("an error in the middle of a stream is shown without the prompt too", async () => {
  const chunk = { id: "1", object: "chat.completion.chunk", choices: [{ index: 0, delta: { content: "a" } }] };
  const events = [chunk, { error: { message: `Rejected: ${PROMPT}`, type: "server_error" } }];
  const body = events.map((event) => `data: ${JSON.stringify(event)}\n\n`).join("");
  const { provider } = answering(200, body, "text/event-stream");
  const error = await failureOf(async () => collect(await provider(asking({ stream: true }))));
  assert.equal(error.message, "openai failed: Rejected: […]");
});

test("what names a part of the request stays", async () => {
  const model = "anthropic/claude-sonnet-4-5-20250929";
  const tools = [{ type: "function", function: { name: "move_the_appointment_of_a_patient" } }];
  for (const message of [`There is no model ${model}.`, `The tool ${tools[0]?.function.name} has no parameters.`]) {
    const { provider } = answering(400, JSON.stringify({ error: { message, param: "tools[0].function.parameters" } }));
    const error = await failureOf(() => provider(asking({ model, tools })));
    assert.equal(error.message, `openai refused the call: ${message}`);
    assert.equal(error.issues[0]?.path, "tools[0].function.parameters");
  }
});

test("a prompt cannot make the gateway's key show", async () => {
  for (let length = 1; length < 60; length++) {
    // What is quoted would end within what is recognised as a credential.
    const bait = `The header was: Authorization: Bearer ${KEY}`.slice(0, length);
    const { provider } = answering(400, JSON.stringify({ error: { message: `Wrong. ${bait}${KEY}, ${KEY}` } }));
    const error = await failureOf(() => provider(asking({ messages: [{ role: "user", content: bait }] })));
    assert.ok(!error.message.includes(KEY.slice(0, 8)) || bait.includes(KEY.slice(0, 8)), error.message);
    assert.ok(!error.message.includes(KEY), error.message);
  }
});

test("where a service lists its models, nothing was asked that could be quoted", async () => {
  const { provider } = answering(400, JSON.stringify({ error: { message: PROMPT } }), "application/json", "GET");
  const error = await failureOf(() => provider.models(asking().call));
  assert.match(error.message, /she wants her appointment/);
});

test("an error of any size is told in a moment", async () => {
  const content = "The quick brown fox. ".repeat(50_000);
  const { provider } = answering(400, JSON.stringify({ error: { message: content } }));
  const request = asking({ messages: [{ role: "user", content }] });
  const startedAt = performance.now();
  const error = await failureOf(() => provider(request));
  assert.ok(performance.now() - startedAt < 2000);
  assert.equal(error.message, "openai refused the call: […]…");
});

function asking(body: Partial<ChatBody> = {}): ReturnType<typeof chat> {
  return chat({ model: "gpt-4o", messages: [{ role: "user", content: PROMPT }], ...body });
}

function answering(
  status: number,
  body: string,
  type = "application/json",
  method = "POST",
): { provider: ReturnType<typeof openai> } {
  const dispatcher = new MockAgent();
  dispatcher.disableNetConnect();
  const path = method === "POST" ? "/v1/chat/completions" : "/v1/models";
  const upstream = dispatcher.get("https://api.openai.com").intercept({ path, method });
  upstream.reply(status, body, { headers: { "content-type": type } });
  return { provider: openai({ apiKey: KEY, dispatcher }) };
}

async function failureOf(run: () => Promise<unknown>): Promise<GatewayError> {
  const thrown: unknown = await run().then(
    () => assert.fail("it did not fail"),
    (error: unknown) => error,
  );
  if (!(thrown instanceof GatewayError)) throw thrown;
  return thrown;
}
