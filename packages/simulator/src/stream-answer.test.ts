import assert from "node:assert/strict";
import { after, before, test } from "node:test";
import { type Simulator, startSimulator } from "./start-simulator.ts";

let simulator: Simulator;
before(async () => {
  simulator = await startSimulator();
});
after(() => simulator.close());

const messages = [{ role: "user", content: "Hello there, 東京" }];
const weather = {
  type: "function",
  function: { name: "weather", parameters: { properties: { city: {} }, required: ["city"] } },
};

function ask(model: string, body: object = {}): Promise<Response> {
  const init = { method: "POST", body: JSON.stringify({ model, messages, stream: true, ...body }) };
  return fetch(`${simulator.url}/chat/completions`, init);
}

interface Chunk {
  readonly id: string;
  readonly model: string;
  readonly object: string;
  readonly choices: readonly {
    readonly index: number;
    readonly finish_reason: string | null;
    readonly delta: {
      readonly role?: string;
      readonly content?: string;
      readonly refusal?: string | null;
      readonly reasoning_content?: string;
      readonly tool_calls?: readonly {
        readonly index?: number;
        readonly id?: string;
        readonly function: { readonly name?: string; readonly arguments: string };
      }[];
    };
  }[];
  readonly usage?: { readonly total_tokens: number | string } | null;
}

/** The events of a stream whose lines end with LF, and what of them is a chunk. */
async function read(model: string, body: object = {}) {
  const text = await (await ask(model, body)).text();
  const events = text.split("\n\n").filter((event) => event !== "");
  const data = events.map((event) => event.replace(/^data: /, ""));
  const chunks = data
    .filter((line) => line.startsWith("{"))
    .flatMap((line) => (complete(line) ? [JSON.parse(line) as Chunk] : []));
  const deltas = chunks.flatMap((chunk) => chunk.choices?.map(({ delta }) => delta) ?? []);
  const content = deltas.map((delta) => delta?.content ?? "").join("");
  const finish = chunks.flatMap((chunk) => chunk.choices ?? []).find((choice) => choice.finish_reason)?.finish_reason;
  return { text, data, chunks, deltas, content, finish, done: data.at(-1) === "[DONE]" };
}

function complete(text: string): boolean {
  try {
    return JSON.parse(text) !== undefined;
  } catch {
    return false;
  }
}

test("streams a chunk a word, a finish and [DONE]", async () => {
  const response = await ask("sim");
  assert.equal(response.headers.get("content-type"), "text/event-stream; charset=utf-8");
  await response.body?.cancel();
  const { chunks, deltas, finish, done } = await read("sim");
  assert.deepEqual(deltas, [
    { role: "assistant", content: "", refusal: null },
    { content: "Hello " },
    { content: "there, " },
    { content: "東京" },
    {},
  ]);
  assert.ok(
    chunks.every((chunk) => chunk.object === "chat.completion.chunk" && chunk.model === "sim" && !("usage" in chunk)),
  );
  assert.equal(new Set(chunks.map((chunk) => chunk.id)).size, 1);
  assert.equal(finish, "stop");
  assert.ok(done);
});

test("chunks=N streams exactly N content chunks", async () => {
  const { deltas, content } = await read("sim+chunks=100");
  assert.equal(deltas.filter((delta) => delta.content).length, 100);
  assert.equal(content.split(" ").length, 100);
  assert.equal((await read("sim+bytes=50000")).deltas.filter((delta) => delta.content).length, 1);
});

test("sends usage only when it is asked for, after the finish", async () => {
  const { chunks } = await read("sim", { stream_options: { include_usage: true } });
  assert.deepEqual(chunks.at(-1)?.choices, []);
  assert.equal(chunks.at(-1)?.usage?.total_tokens, 6);
  assert.ok(chunks.slice(0, -1).every((chunk) => chunk.usage === null));
});

test("usage may be left out, written as strings, sent unasked or early", async () => {
  const stream_options = { include_usage: true };
  assert.ok((await read("sim+usage=none", { stream_options })).chunks.every((chunk) => !chunk.usage));
  assert.equal((await read("sim+usage=strings", { stream_options })).chunks.at(-1)?.usage?.total_tokens, "6");
  assert.equal((await read("sim+usage=always")).chunks.at(-1)?.usage?.total_tokens, 6);
  const early = (await read("sim+usage=early", { stream_options })).chunks;
  assert.equal(early[0]?.usage?.total_tokens, 6);
  assert.equal(early.filter((chunk) => chunk.usage).length, 1);
});

test("streams reasoning, refusals and several choices", async () => {
  const { deltas } = await read("sim+reasoning=3");
  assert.deepEqual(
    deltas.map((delta) => "reasoning_content" in delta),
    [false, true, true, true, false, false, false, false],
  );
  assert.match((await read("sim+refusal")).deltas.map((delta) => delta.refusal ?? "").join(""), /^I'm sorry/);
  const { chunks } = await read("sim", { n: 2 });
  const second = chunks.flatMap((chunk) => chunk.choices).filter((choice) => choice.index === 1);
  assert.equal(second.map(({ delta }) => delta.content ?? "").join(""), "Hello there, 東京 (2)");
  assert.deepEqual(
    chunks.slice(0, 4).map((chunk) => chunk.choices[0]?.index),
    [0, 1, 0, 1],
  );
});

test("streams tool calls in pieces, without index where it is told so", async () => {
  const { deltas, finish } = await read("sim+tool=2", { tools: [weather] });
  const pieces = deltas.flatMap((delta) => delta.tool_calls ?? []);
  assert.equal(finish, "tool_calls");
  assert.deepEqual([...new Set(pieces.map((piece) => piece.index))], [0, 1]);
  const first = pieces.filter((piece) => piece.index === 0);
  assert.equal(first[0]?.function.name, "weather");
  assert.equal(first.map((piece) => piece.function.arguments).join(""), '{"city":"city"}');
  assert.ok(first.length > 2 && first.slice(1).every((piece) => piece.id === undefined));
  const bare = (await read("sim+tool+noindex", { tools: [weather] })).deltas.flatMap((delta) => delta.tool_calls ?? []);
  assert.ok(bare.length > 2 && bare.every((piece) => !("index" in piece)));
});

test("line ends, spaces, comments and a byte order mark are as they are told to be", async () => {
  const bytes = async (form: string) => Buffer.from(await (await ask(`sim${form}`)).arrayBuffer()).toString();
  assert.match(await bytes("+crlf"), /^(data: [^\r\n]+\r\n\r\n)+$/);
  assert.match(await bytes("+cr"), /^(data: [^\r\n]+\r\r)+$/);
  assert.match(await bytes("+nospace"), /^(data:[{[][^\n]+\n\n)+$/);
  assert.match(await bytes("+comments"), /^(: a comment\n\ndata: [^\n]+\n\n)+$/);
  assert.match(await bytes("+bom"), /^\uFEFFdata: \{/);
  const multiline = await bytes("+multiline");
  assert.match(multiline, /^(data: \{\ndata: "[^\n]+\n\n)+data: \[DONE\]\n\n$/);
  assert.match(JSON.parse(multiline.split("\n\n")[0]?.replaceAll("data: ", "") ?? "").id, /^chatcmpl-/);
});

test("split=N writes pieces of N bytes, through characters", async () => {
  const spoken = { messages: [{ role: "user", content: "東京の天気は" }] };
  const whole = await (await ask("sim", spoken)).text();
  const response = await ask("sim+split=7", spoken);
  const pieces: Uint8Array[] = [];
  for await (const piece of response.body ?? []) pieces.push(piece);
  assert.ok(pieces.length > 100 && pieces.slice(0, -1).every(({ length }) => length === 7));
  const strip = (text: string) => text.replaceAll(/chatcmpl-\w+|"created":\d+/g, "");
  assert.equal(strip(Buffer.concat(pieces).toString()), strip(whole));
  assert.ok(pieces.some((piece) => Buffer.from(piece).toString().includes("\uFFFD")));
});

test("nodone, norole and after-done leave out or add what they say", async () => {
  const nodone = await read("sim+nodone");
  assert.deepEqual([nodone.finish, nodone.done], ["stop", false]);
  assert.ok((await read("sim+norole")).deltas.every((delta) => !("role" in delta)));
  const late = await read("sim+after-done");
  assert.equal(late.data.at(-2), "[DONE]");
  assert.equal(late.deltas.at(-1)?.content, " after the end");
});

test("cut=N ends cleanly after N chunks, before any event for 0", async () => {
  const { deltas, finish, done } = await read("sim+cut=2");
  assert.deepEqual(deltas.slice(1), [{ content: "Hello " }, { content: "there, " }]);
  assert.deepEqual([finish, done], [undefined, false]);
  assert.equal((await read("sim+cut=0")).text, "");
  const late = await read("sim+cut=99");
  assert.deepEqual([late.content, late.finish], ["Hello there, 東京", undefined]);
});

test("cut-line=N ends with half a line", async () => {
  const { text, content } = await read("sim+cut-line=1");
  assert.equal(content, "Hello ");
  assert.match(text, /\n\ndata: \{"id":"[^\n]+,"choi$/);
});

test("malformed=N, no-choices=N and unknown-event=N put a strange event after N chunks, and go on", async () => {
  const malformed = await read("sim+malformed=1");
  assert.ok(!complete(malformed.data[2] ?? "") && malformed.done);
  const without = await read("sim+no-choices=1");
  assert.ok(without.chunks[2] && !("choices" in without.chunks[2]) && without.done);
  const unknown = await read("sim+unknown-event=0");
  assert.ok(unknown.text.startsWith('event: ping\ndata: {"type":"ping"}\n\n') && unknown.done);
});

test("duplicate-start begins another answer after the first chunk", async () => {
  const { chunks, deltas } = await read("sim+duplicate-start");
  assert.equal(deltas[2]?.role, "assistant");
  assert.notEqual(chunks[2]?.id, chunks[0]?.id);
});

test("error-event=N ends with an error of the kind it is told", async () => {
  const { data, content, done } = await read("sim+error-event=1+error-status=429+code=insufficient_quota");
  assert.equal(content, "Hello ");
  const { error } = JSON.parse(data.at(-1) ?? "");
  assert.deepEqual([error.type, error.code, done], ["insufficient_quota", "insufficient_quota", false]);
  assert.equal(JSON.parse((await read("sim+error-event=0")).data[0] ?? "").error.type, "server_error");
});

test("long-line=N is a line of N bytes without an end", async () => {
  const { text } = await read("sim+long-line=200000");
  assert.equal(text.split("\n").at(-1)?.length, 200_000);
});

test("json-for-stream and sse-for-json answer in the other form", async () => {
  assert.equal((await ask("sim+json-for-stream")).headers.get("content-type"), "application/json");
  const sse = await ask("sim+sse-for-json", { stream: false });
  assert.match(await sse.text(), /^data: \{.*data: \[DONE\]\n\n$/s);
});
