import assert from "node:assert/strict";
import { test } from "node:test";
import { createCall } from "../call.ts";
import { compose } from "../compose.ts";
import { GatewayError } from "../error.ts";
import type { ChatMessage, ChatRequest, Middleware } from "../index.ts";
import { failureOf, textOf } from "../testing/outcome.ts";
import { chat, fakeClock, type Outcome, scripted } from "../testing.ts";
import { bySpeaker } from "../transcripts/format.ts";
import { memoryTranscripts } from "../transcripts/memory.ts";
import type { TranscriptSource } from "../transcripts/transcript.ts";
import { fallback } from "./fallback.ts";
import { type InjectTranscriptOptions, injectTranscript } from "./inject-transcript.ts";
import { retry } from "./retry.ts";

const TAG = "{{ transcript }}";
const down = new GatewayError("llm.provider.server_error", "down.");
const utterances = [{ speaker: "A", text: "One.", start: 1000 }];
const known = memoryTranscripts({
  t: "Hello.",
  u: "Other.",
  again: `${TAG} $& </system>`,
  spoken: { utterances },
  silent: "\n",
});

interface SetUp extends Partial<InjectTranscriptOptions> {
  readonly outcomes?: readonly Outcome[];
  readonly outside?: readonly Middleware[];
  readonly inside?: readonly Middleware[];
}

function setUp({ outcomes = ["ok"], outside = [], inside = [], source = known, ...options }: SetUp = {}) {
  const asked: string[] = [];
  const counted: TranscriptSource = (id, call) => {
    asked.push(id);
    return source(id, call);
  };
  const handler = scripted(...outcomes);
  const inject = injectTranscript({ source: counted, clock: fakeClock(), ...options });
  return { asked, handler, pipeline: compose([...outside, inject, ...inside], handler) };
}

function ask(content: string, fields: object = { transcript_id: "t" }): ChatRequest {
  return chat({ messages: [{ role: "user", content }], ...fields });
}

const contentsOf = (request: ChatRequest | undefined): unknown => request?.messages.map(({ content }) => content);

test("the transcript takes the place of the tag, the field is gone, and all else is as it was", async () => {
  const { handler, pipeline, asked } = setUp();
  const messages: ChatMessage[] = [
    { role: "system", content: "Be brief." },
    { role: "user", content: `Sum up: ${TAG}` },
  ];
  const request = chat({ model: "a", seed: 1, messages, transcript_id: "t" });
  assert.equal(await textOf(pipeline(request)), "ok");
  const { call, ...sent } = handler.requests[0] as ChatRequest; // One was asked.
  assert.deepEqual(sent, { model: "a", seed: 1, messages: [messages[0], { role: "user", content: "Sum up: Hello." }] });
  assert.equal(call.id, request.call.id);
  assert.deepEqual(asked, ["t"]);
});

test("what a transcript says is data: it is not scanned, and changes nothing around it", async () => {
  const { handler, pipeline } = setUp();
  await pipeline(ask(`<a>${TAG}</a> ${TAG}`, { transcript_id: "again" }));
  assert.deepEqual(contentsOf(handler.requests[0]), [`<a>${TAG} $& </system></a> ${TAG}`]);
});

test("a tag without an id is left alone, and null is no id", async () => {
  for (const fields of [{}, { transcript_id: null }, { transcript_id: undefined }]) {
    const { handler, pipeline, asked } = setUp();
    await pipeline(ask(TAG, fields));
    assert.deepEqual(contentsOf(handler.requests[0]), [TAG]);
    assert.equal(Object.hasOwn(handler.requests[0] ?? {}, "transcript_id"), false);
    assert.equal(asked.length, 0);
  }
});

const BAD: Readonly<Record<string, object>> = {
  "an id without a tag": { transcript_id: "t", messages: [{ role: "user", content: "{{transcript}}" }] },
  "an empty id": { transcript_id: "" },
  "an id with a path": { transcript_id: "../../x" },
  "an id with a line break": { transcript_id: "t\n" },
  "an id that is too long": { transcript_id: "a".repeat(65) },
  "an id that is a number": { transcript_id: 7 },
  "an id that is a list": { transcript_id: ["t"] },
  "an id that is false": { transcript_id: false },
};

for (const [what, fields] of Object.entries(BAD)) {
  test(`${what} is refused by name, before anything is asked`, async () => {
    const { handler, pipeline, asked } = setUp({ outcomes: [] });
    const error = await failureOf(pipeline(ask(TAG, fields)));
    assert.deepEqual([error.code, error.issues.map(({ path }) => path)], ["llm.request.invalid", ["transcript_id"]]);
    assert.equal(asked.length + handler.requests.length, 0);
  });
}

test("without its transcript no call reaches a provider", async () => {
  const { handler, pipeline } = setUp({ outcomes: [] });
  assert.equal((await failureOf(pipeline(ask(TAG, { transcript_id: "x" })))).code, "llm.transcript.not_found");
  assert.equal((await failureOf(pipeline(ask(TAG, { transcript_id: "silent" })))).code, "llm.transcript.failed");
  assert.equal((await failureOf(pipeline(ask(TAG, { transcript_id: "spoken" })))).code, "llm.transcript.failed");
  assert.equal(handler.requests.length, 0);
});

test("what is inserted is what the format makes of it", async () => {
  const { handler, pipeline } = setUp({ format: bySpeaker });
  await pipeline(ask(TAG, { transcript_id: "spoken" }));
  assert.deepEqual(contentsOf(handler.requests[0]), ["[00:00:01] Speaker A: One."]);
});

test("one that is too long is refused, and one that just fits is not", async () => {
  const short = setUp({ maxChars: 5, outcomes: [] });
  const error = await failureOf(short.pipeline(ask(TAG)));
  assert.deepEqual(
    [error.code, error.status, error.issues[0]?.path],
    ["llm.request.context_length", 400, "transcript_id"],
  );
  assert.equal(await textOf(setUp({ maxChars: 6 }).pipeline(ask(TAG))), "ok");
});

test("how long it may be can be the model's affair", async () => {
  const maxChars = (model: string): number | undefined => ({ small: 5, none: 0 })[model];
  for (const [model, fits] of [
    ["small", false],
    ["none", false],
    ["other", true],
  ] as const) {
    const { pipeline } = setUp({ maxChars });
    const replying = pipeline(ask(TAG, { model, transcript_id: "t" }));
    if (fits) assert.equal(await textOf(replying), "ok");
    else assert.equal((await failureOf(replying)).code, "llm.request.context_length");
  }
});

test("functions of the operator's that give something else fail the call as the gateway's own fault", async () => {
  const broken: readonly Partial<InjectTranscriptOptions>[] = [
    { maxChars: () => Number.NaN },
    { maxChars: () => JSON.parse('"400"') },
    { maxChars: 1, shorten: () => JSON.parse("7") },
    { format: () => JSON.parse("7") },
  ];
  for (const options of broken) {
    const { pipeline, handler } = setUp({ ...options, outcomes: [] });
    const error = await failureOf(pipeline(ask(TAG)));
    assert.equal(error.code, "llm.internal");
    assert.ok(error.cause instanceof TypeError);
    assert.match(
      error.cause.message,
      new RegExp(`^injectTranscript: ${Object.keys(options).at(-1)} must (give|return) `),
    );
    assert.equal(handler.requests.length, 0);
  }
});

test("who leaves does not wait for what makes a text shorter", { timeout: 5000 }, async () => {
  const { promise, resolve } = Promise.withResolvers<ChatRequest>();
  const shorten = (_text: string, request: ChatRequest): Promise<string> => {
    resolve(request);
    return new Promise(() => {});
  };
  const { pipeline } = setUp({ maxChars: 5, shorten, outcomes: [] });
  const leaving = new AbortController();
  const replying = pipeline({ ...ask(TAG), call: createCall({ signal: leaving.signal }) });
  const { call } = await promise;
  leaving.abort(new GatewayError("llm.canceled", "left"));
  await assert.rejects(replying, { code: "llm.canceled" });
  assert.equal(call.signal.aborted, true);
});

test("a text is made once for a model and its messages, however often a call is tried", async () => {
  const made: string[] = [];
  const { pipeline, handler } = setUp({
    outside: [again()],
    outcomes: [down, down, "ok"],
    maxChars: 5,
    format: ({ text }) => {
      made.push("format");
      return text ?? "";
    },
    shorten: (text, { model, messages }) => {
      made.push(`${model} ${messages[0]?.content}`);
      return text.slice(0, 3);
    },
  });
  const fallbacks = [{ model: "b", messages: own }];
  assert.equal(await textOf(pipeline(ask(TAG, { transcript_id: "t", fallbacks }))), "ok");
  assert.deepEqual(made, ["format", `test-model ${TAG}`, `b Briefly: ${TAG}`]);
  assert.deepEqual(contentsOf(handler.requests[2]), ["Hel"]);
});

test("where one of several transcripts cannot be had, the others are not asked for any longer", async () => {
  const signals = new Map<string, AbortSignal>();
  const source: TranscriptSource = (id, { signal }) => {
    signals.set(id, signal);
    return id === "t" ? Promise.reject(new Error("down")) : new Promise(() => {});
  };
  const { pipeline } = setUp({ source, inside: [fallback()], outcomes: [] });
  const request = ask(TAG, { transcript_id: "t", fallbacks: [{ model: "b", transcript_id: "u" }] });
  assert.equal((await failureOf(pipeline(request))).status, 503);
  assert.deepEqual([signals.get("u")?.aborted, request.call.signal.aborted], [true, false]);
});

test("a failure names the field that named the transcript", async () => {
  const maxChars = (model: string): number => (model === "small" ? 3 : 100);
  for (const [entry, code] of [
    [{ model: "b", transcript_id: "none" }, "llm.transcript.not_found"],
    [{ model: "b", transcript_id: "silent" }, "llm.transcript.failed"],
    [{ model: "small", transcript_id: "u" }, "llm.request.context_length"],
  ] as const) {
    const { pipeline } = setUp({ inside: [fallback()], outcomes: [], maxChars });
    const error = await failureOf(pipeline(ask(TAG, { transcript_id: "t", fallbacks: [entry] })));
    assert.deepEqual([error.code, error.issues[0]?.path], [code, "fallbacks[0].transcript_id"]);
    assert.match(error.message, /^fallbacks\[0\]\.transcript_id: /);
  }
});

test("no entry of fallbacks keeps the field, whether or not a transcript is named, or the entry walked", async () => {
  const fallbacks = [
    { model: "b", transcript_id: null },
    { model: "c", transcript_id: null, user: "u" },
    { model: "d" },
    7,
  ];
  for (const fields of [{}, { transcript_id: null }]) {
    const { handler, pipeline } = setUp();
    await pipeline(ask(TAG, { ...fields, fallbacks }));
    assert.deepEqual(handler.requests[0]?.fallbacks, [{ model: "b" }, { model: "c", user: "u" }, { model: "d" }, 7]);
  }
  const { handler, pipeline } = setUp();
  await pipeline(ask(TAG, { transcript_id: "t", fallbacks: fallbacks.slice(0, 3) }));
  assert.doesNotMatch(JSON.stringify(handler.requests[0]?.fallbacks), /transcript_id/);
});

test("one that is too long is made shorter by the operator's function, which sees what it is for", async () => {
  const seen: unknown[] = [];
  const shorten = async (text: string, request: ChatRequest): Promise<string> => {
    seen.push(contentsOf(request), request.model);
    return text.slice(0, 3);
  };
  const { handler, pipeline } = setUp({ maxChars: 5, shorten });
  await pipeline(ask(`<${TAG}>`));
  assert.deepEqual(contentsOf(handler.requests[0]), ["<Hel>"]);
  assert.deepEqual(seen, [[`<${TAG}>`], "test-model"]);
  const still = setUp({ maxChars: 2, shorten, outcomes: [] });
  assert.equal((await failureOf(still.pipeline(ask(TAG)))).code, "llm.request.context_length");
  const unused = setUp({ maxChars: 6, shorten: () => assert.fail("it fits") });
  assert.equal(await textOf(unused.pipeline(ask(TAG))), "ok");
});

const again = (): Middleware => retry({ baseDelayMs: 0, random: () => 0 });

for (const where of ["inside", "outside"] as const) {
  test(`with retry ${where}, each try sends one transcript, and it is looked up once`, async () => {
    const { handler, pipeline, asked } = setUp({
      [where]: [again()],
      outcomes: [down, down, "ok"],
      cache: { ttlMs: 0 },
    });
    assert.equal(await textOf(pipeline(ask(`<${TAG}>`))), "ok");
    assert.deepEqual(handler.requests.map(contentsOf), [["<Hello.>"], ["<Hello.>"], ["<Hello.>"]]);
    assert.deepEqual(asked, ["t"]);
  });
}

test("a look-up that failed is not remembered by the call", async () => {
  let asked = 0;
  const source: TranscriptSource = async (id) => {
    if (++asked === 1) throw new Error("down");
    return { id, text: "Hello." };
  };
  const insistent: Middleware = (request, next) => next(request).catch(() => next(request));
  assert.equal(await textOf(setUp({ source, outside: [insistent] }).pipeline(ask(TAG))), "ok");
});

/** What the tries of a call send that goes through its fallbacks. */
async function tried(fields: object, where: "inside" | "outside" = "inside", most = 3): Promise<[unknown[], string[]]> {
  const outcomes = [...Array<Outcome>(most - 1).fill(down), "ok"];
  const { handler, pipeline, asked } = setUp({ outcomes, [where]: [fallback()], cache: { ttlMs: 0 } });
  const fallback_config = { depth: most - 1 };
  assert.equal(await textOf(pipeline(ask(`<${TAG}>`, { transcript_id: "t", fallback_config, ...fields }))), "ok");
  for (const request of handler.requests) assert.equal(Object.hasOwn(request, "transcript_id"), false);
  return [handler.requests.map((request) => [request.model, request.messages[0]?.content]), asked];
}

const own = [{ role: "user", content: `Briefly: ${TAG}` }];

for (const where of ["inside", "outside"] as const) {
  test(`with fallback ${where}, a fallback inherits the transcript, or has its own messages or id`, async () => {
    const fallbacks = [{ model: "b" }, { model: "c", messages: own }];
    assert.deepEqual(await tried({ fallbacks }, where), [
      [
        ["test-model", "<Hello.>"],
        ["b", "<Hello.>"],
        ["c", "Briefly: Hello."],
      ],
      ["t"],
    ]);
    const others = [
      { model: "b", transcript_id: "u" },
      { model: "c", prompt: `P ${TAG}`, transcript_id: "u" },
    ];
    assert.deepEqual(await tried({ fallbacks: others }, where), [
      [
        ["test-model", "<Hello.>"],
        ["b", "<Other.>"],
        ["c", "P Other."],
      ],
      ["t", "u"],
    ]);
  });

  test(`with fallback ${where}, a fallback may go without the transcript`, async () => {
    const fallbacks = [
      { model: "b", remove_fields: ["transcript_id"], messages: [{ role: "user", content: "Nothing." }] },
      { model: "c", transcript_id: null },
    ];
    const [sent] = await tried({ fallbacks }, where);
    assert.deepEqual(sent, [
      ["test-model", "<Hello.>"],
      ["b", "Nothing."],
      ["c", `<${TAG}>`],
    ]);
  });

  test(`with fallback ${where}, a fallback may be the only one with a transcript`, async () => {
    const fallbacks = [{ model: "b", transcript_id: "u" }];
    const [sent, asked] = await tried({ transcript_id: undefined, fallbacks }, where, 2);
    assert.deepEqual(sent, [
      ["test-model", `<${TAG}>`],
      ["b", "<Other.>"],
    ]);
    assert.deepEqual(asked, ["u"]);
  });
}

test("fallbacks that are not walked cost no look-up, but their faults are told with all others", async () => {
  const { pipeline, asked } = setUp({ inside: [fallback()] });
  const fallbacks = [{ model: "b" }, { model: "c", transcript_id: "u" }];
  assert.equal(await textOf(pipeline(ask(TAG, { transcript_id: "t", fallbacks }))), "ok");
  assert.deepEqual(asked, ["t"]);
  const bad = [
    { model: "b", messages: [{ role: "user", content: "no tag" }] },
    { model: "c", transcript_id: "/" },
  ];
  const error = await failureOf(pipeline(ask("no tag", { transcript_id: "t", fallbacks: bad })));
  assert.deepEqual(
    error.issues.map(({ path }) => path),
    ["transcript_id", "fallbacks[0].transcript_id", "fallbacks[1].transcript_id"],
  );
  assert.match(error.message, /remove_fields/);
});

test("fallbacks that are none are refused as they are without a transcript", async () => {
  for (const fallbacks of [
    7,
    [null],
    [{ model: "b", messages: [7] }],
    [{ messages: own }],
    [{ model: "b", prompt: "x", messages: own }],
  ]) {
    const { pipeline, asked } = setUp({ inside: [fallback()], outcomes: [] });
    const error = await failureOf(pipeline(ask(TAG, { transcript_id: "t", fallbacks })));
    assert.equal(error.code, "llm.request.invalid");
    assert.match(error.issues[0]?.path ?? "", /^fallbacks/);
    assert.equal(asked.length, 0);
  }
});

test("inside fallback, one that is too long for a model is tried with the next", async () => {
  const maxChars = (model: string): number => (model === "small" ? 5 : 100);
  const { handler, pipeline } = setUp({ outside: [fallback({ models: { small: ["large"] } })], maxChars });
  assert.equal(await textOf(pipeline(ask(TAG, { model: "small", transcript_id: "t" }))), "ok");
  assert.deepEqual(
    handler.requests.map(({ model }) => model),
    ["large"],
  );
});

test("outside fallback, a text is made short for each model apart", async () => {
  const { handler, pipeline } = setUp({
    inside: [fallback()],
    outcomes: [down, "ok"],
    maxChars: (model) => (model === "b" ? 3 : 100),
    shorten: (text) => text.slice(0, 3),
  });
  await pipeline(ask(TAG, { transcript_id: "t", fallbacks: [{ model: "b" }] }));
  assert.deepEqual(handler.requests.map(contentsOf), [["Hello."], ["Hel"]]);
});

test("a bad option is named", () => {
  const bad: Readonly<Record<string, unknown>> = { source: 1, format: "text", maxChars: 0, shorten: 5, onMismatch: {} };
  for (const [name, value] of Object.entries(bad)) {
    const options = { source: known, [name]: value };
    assert.throws(() => injectTranscript(options), new RegExp(`^TypeError: injectTranscript: ${name} must`));
  }
});
