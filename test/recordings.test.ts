import assert from "node:assert/strict";
import { createServer } from "node:http";
import { after, suite, test } from "node:test";
import { gateway, toNode } from "@gatewright/core";
import { openai } from "@gatewright/providers";
import fc from "fast-check";
import OpenAI from "openai";
import { listen } from "./listen.ts";
import { completions, type Fields, missing, parsed, startPlayer, streams } from "./recordings.ts";

// Answers of real services, replayed by a provider on a real port in every kind of pieces, and read behind a gateway on
// another: what arrives is what was recorded.

/** In how many ways the bytes of a recording are split, the first of them into single bytes. */
const SPLITS = 32;
const seed = Number(process.env.SEED ?? Date.now() % 2 ** 31);

const player = await startPlayer();
const pipeline = openai({ baseUrl: `${player.url}/v1`, name: "recorded" });
const server = await listen(createServer(toNode(gateway(pipeline))));
after(() => Promise.all([server.close(), player.close()]));
const client = new OpenAI({ baseURL: `${server.url}/v1`, apiKey: "unused", maxRetries: 0 });
const question = { model: "m", messages: [{ role: "user" as const, content: "Hi" }] };
const withUsage = { stream: true, stream_options: { include_usage: true } };

/** How a provider may write the same events, and how their bytes may be split on the way. */
interface Writing {
  readonly lineEnd: string;
  readonly mark: string;
  readonly comment: string;
  readonly space: string;
  /** Whether it leaves out what strict readers need. */
  readonly bare: boolean;
  /** Where to split: into pieces of that size, or at places between 0 and 1. */
  readonly split: number | readonly number[];
}

const plain: Writing = {
  lineEnd: "\n",
  mark: "",
  comment: "",
  space: " ",
  bare: false,
  split: Number.POSITIVE_INFINITY,
};
const bytewise: Writing = { lineEnd: "\r\n", mark: "\uFEFF", comment: ": é漢🎉", space: " ", bare: false, split: 1 };
const writing: fc.Arbitrary<Writing> = fc.record({
  lineEnd: fc.constantFrom("\n", "\r\n", "\r"),
  mark: fc.constantFrom("", "\uFEFF"),
  comment: fc.constantFrom("", ":", ": é漢🎉"),
  space: fc.constantFrom("", " "),
  bare: fc.boolean(),
  split: fc.oneof(
    fc.integer({ min: 100, max: 5000 }),
    fc.array(fc.double({ min: 0, max: 1, noNaN: true }), { minLength: 1, maxLength: 100 }),
  ),
});

const reason = missing("openai");
if (reason !== undefined) test("recordings of OpenAI's dialect", { skip: reason }, () => {});

for (const { name, lines, events } of streams("openai")) {
  suite(name, { timeout: 20_000 }, () => {
    test(`arrives event for event, in ${SPLITS} writings`, async (t) => {
      t.diagnostic(`SEED=${seed}`);
      // Text of all lengths in UTF-8, in fields that nobody knows, so that there is some to split.
      const noted = events.map((event) => ({ ...event, note: "é漢🎉", choices: choicesOf(event).map(addNote) }));
      const arrives = fc.asyncProperty(writing, async (how) => {
        const sent = how.bare ? noted.map(stripped) : noted;
        play(
          sent.map((event) => JSON.stringify(event)),
          how,
        );
        assertStream(await ask(withUsage), completed(sent));
      });
      await fc.assert(arrives, { seed, numRuns: SPLITS, examples: [[bytewise]], endOnFailure: true });
    });

    test("arrives as it was recorded", async () => {
      play(lines);
      assertStream(await ask(withUsage), completed(events));
    });

    test("leaves out the usage that was not asked for, and nothing else", async () => {
      play(lines);
      const expected = events.filter((event) => choicesOf(event).length > 0 || !event.usage);
      assertStream(await ask({ stream: true }), completed(expected));
    });

    test("is collected for a caller who does not stream", async () => {
      play(lines);
      const { status, headers, text } = await ask({});
      assert.equal(status, 200, text);
      const { request_id, ...completion } = parsed(text);
      assert.equal(request_id, headers.get("x-request-id"));
      assert.equal(completion.object, "chat.completion");
      assert.deepEqual(sumOfCompletion(completion), sumOf(events));
    });

    // OpenAI's own reader fails where calls are not numbered from 0, as one service does; its numbers are passed on.
    const readable = firstCall(events)?.index !== 1;
    test(`${readable ? "satisfies" : "is passed on as it is to"} the strictest reader`, async () => {
      play(lines);
      const stream = client.chat.completions.stream({ ...question, stream_options: { include_usage: true } });
      const final = stream.finalChatCompletion();
      if (readable) assertSdkSum(await final, sumOf(events));
      else await assert.rejects(final, OpenAI.OpenAIError);
    });

    for (const cut of ["ends", "ends in half a line", "says [DONE]", "is cut off"] as const) {
      test(`is an error where it ${cut} before it has finished`, async (t) => {
        t.diagnostic(`SEED=${seed}`);
        const finish = events.findIndex((event) => choicesOf(event).some(({ finish_reason }) => finish_reason));
        assert.ok(finish > 0);
        for (const count of someUpTo(finish)) {
          const kept = lines.slice(0, count);
          const half = `data: ${lines[count]?.slice(0, -1)}`;
          const rest = cut === "says [DONE]" ? "data: [DONE]\n\n" : cut === "ends in half a line" ? half : "";
          const pieces = [...kept.map((line) => Buffer.from(`data: ${line}\n\n`)), Buffer.from(rest)];
          player.play({ type: "text/event-stream", pieces, cut: cut === "is cut off" });
          assertInterrupted(await ask(withUsage), events.slice(0, count), cut !== "is cut off");
        }
      });
    }
  });
}

for (const { name, text, completion } of completions("openai")) {
  suite(name, { timeout: 20_000 }, () => {
    test("arrives field for field", async () => {
      for (const size of [text.length, 100, 1]) {
        player.play({ type: "application/json", pieces: splitAt(Buffer.from(text), size) });
        const { status, headers, text: answer } = await ask({});
        assert.equal(status, 200, answer);
        assert.deepEqual(parsed(answer), { ...completion, request_id: headers.get("x-request-id") });
      }
    });

    test("arrives as a stream where one was asked for", async () => {
      player.play({ type: "application/json", pieces: [Buffer.from(text)] });
      const answer = await ask(withUsage);
      const events = eventsOf(answer);
      assert.equal(events.pop(), "[DONE]");
      const chunks = events.map(parsed);
      for (const chunk of chunks) {
        assert.equal(chunk.object, "chat.completion.chunk");
        assert.equal(chunk.id, completion.id);
      }
      assert.equal(objectAt(choicesOf(chunks[0])[0], "delta").role, "assistant");
      for (const chunk of chunks) assert.ok(choicesOf(chunk).every(({ message }) => message === undefined));
      assert.deepEqual(sumOf(chunks), sumOfCompletion(completion));
    });

    test("satisfies the strictest reader as a stream", async () => {
      player.play({ type: "application/json", pieces: [Buffer.from(text)] });
      const stream = client.chat.completions.stream({ ...question, stream_options: { include_usage: true } });
      assertSdkSum(await stream.finalChatCompletion(), sumOfCompletion(completion));
    });
  });
}

interface Answer {
  readonly status: number;
  readonly headers: Headers;
  readonly text: string;
}

async function ask(fields: object): Promise<Answer> {
  const body = JSON.stringify({ ...question, ...fields });
  const headers = { "content-type": "application/json" };
  const answer = await server.fetch("/v1/chat/completions", { method: "POST", headers, body });
  let text = "";
  try {
    for await (const piece of answer.body?.pipeThrough(new TextDecoderStream()) ?? []) text += piece;
  } catch (broken) {
    // A connection breaks off only under tool calls that are not finished.
    assert.match(text, /"tool_calls"/, String(broken));
    text = text.trimEnd().concat("\n\n");
  }
  return { status: answer.status, headers: answer.headers, text };
}

function play(lines: readonly string[], how: Writing = plain): void {
  const { lineEnd, mark, comment, space, split } = how;
  const events = [...lines, "[DONE]"].map((line) => [...(comment ? [comment] : []), `data:${space}${line}`, "", ""]);
  const bytes = Buffer.from(mark + events.map((event) => event.join(lineEnd)).join(""));
  player.play({ type: "text/event-stream", pieces: splitAt(bytes, split) });
}

function splitAt(bytes: Buffer, split: Writing["split"]): Buffer[] {
  const { length } = bytes;
  const places = typeof split === "number" ? multiples(split, length) : split.map((part) => Math.floor(part * length));
  const cuts = [0, ...places.sort((a, b) => a - b), length];
  return cuts
    .slice(1)
    .map((end, at) => bytes.subarray(cuts[at], end))
    .filter((piece) => piece.length > 0);
}

/** The multiples of a number below another; of 1 only some in the middle, so that a long answer does not take long. */
function multiples(of: number, below: number): number[] {
  const all = Array.from({ length: Math.floor(below / of) }, (_, at) => (at + 1) * of);
  return of === 1 ? all.filter((at) => at < 10_000 || at > below - 5000 || at % 1000 === 0) : all;
}

/** The data of each event of a stream that is one. */
function eventsOf({ status, headers, text }: Answer): string[] {
  assert.equal(status, 200, text);
  assert.equal(headers.get("content-type"), "text/event-stream; charset=utf-8");
  const events = text.split("\n\n");
  assert.equal(events.pop(), "", "the stream does not end with an empty line");
  for (const event of events) assert.match(event, /^data: .*$/);
  return events.map((event) => event.slice("data: ".length));
}

function assertStream(answer: Answer, expected: readonly Fields[]): void {
  const events = eventsOf(answer);
  assert.equal(events.pop(), "[DONE]");
  assert.deepEqual(events.map(parsed), expected);
}

/** Expects what came before the cut, and then an error; or only an error where that was nothing to see. */
function assertInterrupted(answer: Answer, before: readonly Fields[], whole: boolean): void {
  assert.doesNotMatch(answer.text, /\[DONE\]/);
  if (answer.status !== 200) {
    // What is cut off may take with it what was not read yet.
    assert.ok(!whole || !before.some(isVisible), `events are lost: ${answer.text}`);
    assert.equal(answer.status, 502);
    assert.equal(objectAt(parsed(answer.text), "error").code, "llm.stream.interrupted");
    return;
  }
  const events = eventsOf(answer).map(parsed);
  const { error, request_id } = events.pop() ?? {};
  assert.equal(objectAt({ error }, "error").code, "llm.stream.interrupted");
  assert.equal(request_id, answer.headers.get("x-request-id"));
  const expected = completed(before);
  assert.deepEqual(events, whole ? expected : expected.slice(0, events.length));
  assert.ok(before.some(isVisible), "the status was sent before there was anything to see");
}

function isVisible(event: Fields): boolean {
  return choicesOf(event).some(({ delta, finish_reason }) => {
    const { role: _, ...rest } = Object(delta);
    return finish_reason || Object.values(rest).some((value) => value !== null && value !== "");
  });
}

/** Some numbers from 1 to a last one: all where they are few, the first and last and a sample where they are many. */
function someUpTo(last: number): number[] {
  const inner = fc.sample(fc.integer({ min: 1, max: last }), { seed, numRuns: 12 });
  const all = Array.from({ length: last }, (_, at) => at + 1);
  return last <= 16 ? all : [...new Set([1, 2, 3, ...inner, last])];
}

/** The events with what strict readers need, where the service left it out. */
function completed(events: readonly Fields[]): Fields[] {
  const begun = new Set<unknown>();
  const called = new Set<string>();
  return events.map((event) => {
    const choices = choicesOf(event).map((choice) => {
      const delta = objectAt(choice, "delta");
      const role = begun.has(choice.index) ? {} : { role: "assistant" };
      begun.add(choice.index);
      if (delta.tool_calls === undefined) return { ...choice, delta: { ...role, ...delta } };
      const tool_calls = listAt(delta, "tool_calls").map((call, at) => {
        const index = call.index ?? at;
        const key = `${choice.index} ${index}`;
        const type = called.has(key) ? {} : { type: "function" };
        called.add(key);
        return { index, ...type, ...call };
      });
      return { ...choice, delta: { ...role, ...delta, tool_calls } };
    });
    return { object: "chat.completion.chunk", ...event, choices };
  });
}

/** What an answer comes to, whatever its form. */
interface Sum {
  readonly id: unknown;
  readonly model: unknown;
  readonly content: string;
  readonly reasoning: string;
  readonly calls: readonly { readonly id: unknown; readonly name: unknown; readonly arguments: string }[];
  readonly finish: unknown;
  readonly usage: unknown;
}

/** The sum of a stream of one choice. */
function sumOf(events: readonly Fields[]): Sum {
  const calls = new Map<unknown, { id: unknown; name: unknown; arguments: string }>();
  const sum = {
    id: "" as unknown,
    model: "" as unknown,
    content: "",
    reasoning: "",
    finish: undefined as unknown,
    usage: undefined as unknown,
  };
  for (const event of events) {
    sum.id = event.id || sum.id;
    sum.model = event.model || sum.model;
    sum.usage = event.usage ?? sum.usage;
    for (const choice of choicesOf(event)) {
      const delta = objectAt(choice, "delta");
      sum.finish = choice.finish_reason ?? sum.finish;
      sum.content += delta.content ?? "";
      sum.reasoning += delta.reasoning_content ?? "";
      for (const [at, call] of listAt(delta, "tool_calls").entries()) {
        const { name, arguments: piece } = objectAt(call, "function");
        const known = calls.get(call.index ?? at) ?? { id: call.id, name, arguments: "" };
        known.arguments += piece;
        calls.set(call.index ?? at, known);
      }
    }
  }
  return { ...sum, calls: [...calls.values()] };
}

/** The sum of a completion: that of a stream which says it all at once. */
function sumOfCompletion(completion: Fields): Sum {
  const choices = choicesOf(completion).map(({ message, ...choice }) => ({ ...choice, delta: message }));
  return sumOf([{ ...completion, choices }]);
}

function firstCall(events: readonly Fields[]): Fields | undefined {
  return events.flatMap(choicesOf).flatMap((choice) => listAt(objectAt(choice, "delta"), "tool_calls"))[0];
}

/** The SDK does not join what it does not know, such as reasoning. */
function assertSdkSum(completion: OpenAI.ChatCompletion, expected: Sum): void {
  assert.deepEqual({ ...sumOfCompletion({ ...completion }), reasoning: "" }, { ...expected, reasoning: "" });
}

/** The event as a careless service writes it. */
function stripped({ object: _, ...event }: Fields): Fields {
  const choices = choicesOf(event).map((choice) => {
    const { role: _, ...delta } = objectAt(choice, "delta");
    return { ...choice, delta };
  });
  return { ...event, choices };
}

function addNote(choice: Fields): Fields {
  return { ...choice, note: "é漢🎉", delta: { ...objectAt(choice, "delta"), note: ["é漢🎉"] } };
}

function choicesOf(event: Fields | undefined): Fields[] {
  return listAt(event ?? {}, "choices");
}

function listAt(fields: Fields, name: string): Fields[] {
  const value = fields[name] ?? [];
  assert.ok(Array.isArray(value), `${name} is no list`);
  return value;
}

function objectAt(fields: Fields | undefined, name: string): Fields {
  const value = fields?.[name];
  assert.ok(typeof value === "object" && value !== null, `${name} is no object`);
  // Any object that came as JSON.
  return value as Fields;
}
