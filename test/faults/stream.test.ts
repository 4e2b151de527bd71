import assert from "node:assert/strict";
import { createParser } from "eventsource-parser";
import type { Answer, Ask } from "./caller.ts";
import type { Lab, LabOptions } from "./lab.ts";
import { inBounds } from "./memory.ts";
import { both, type Row, row, type Seen, tell } from "./row.ts";
import { until } from "./until.ts";

const phase = "stream";
const holding = { hold: true };

/** What the tests read of a chunk. */
interface Shown {
  readonly choices?: readonly {
    readonly delta: {
      readonly role?: string;
      readonly content?: string | null;
      readonly tool_calls?: readonly { readonly index?: number; readonly function: { readonly arguments: string } }[];
    };
    readonly finish_reason?: string | null;
  }[];
  readonly usage?: object | null;
  readonly error?: object;
}

/** The data of an answer's events, `[DONE]` left out. */
function shown(text: string): readonly Shown[] {
  const events = text.split("\n\n").filter((event) => event.startsWith("data: {"));
  // The caller has read them as JSON before; what they hold is looked at by the tests.
  return events.map((event) => JSON.parse(event.slice("data: ".length)) as Shown);
}

function stream(lab: Lab, model: string, ask: Ask = {}): Promise<Answer> {
  return lab.caller.ask(model, { stream: true, ...ask });
}

function seen(lab: Lab, answer: Answer): Seen {
  return { done: lab.log[0]?.tried ?? "", back: tell(answer) };
}

/** A stream that has begun and fails ends with one error event, and with nothing that a whole one ends with. */
function failed(lab: Lab, answer: Answer): void {
  const chunks = shown(answer.text);
  assert.equal(answer.status, 200);
  assert.equal(chunks.filter(({ error }) => error).length, 1, "not one error");
  assert.ok(chunks.at(-1)?.error, "the error does not come last");
  assert.ok(!answer.text.includes("[DONE]"), "[DONE] after an error");
  assert.ok(!chunks.some(({ choices }) => choices?.some((choice) => choice.finish_reason)), "a finish of what failed");
  assert.equal(lab.primary.calls.length, 1, "asked again after something was shown");
  assert.equal(lab.backup.calls.length, 0, "another target was asked after something was shown");
  assert.equal(lab.log[0]?.outcome, "interrupted");
  const counted = lab.breaker.circuits().map(({ calls, failures }) => ({ calls, failures }));
  assert.deepEqual(counted, [{ calls: 1, failures: 1 }], "not counted by the circuit breaker");
}

/**
 * A fault in the middle of a stream: alone, and where answers are held until they have finished; then the caller sees
 * one whole answer where a second try or another target can give one.
 */
function broken(
  facts: Row,
  model: string,
  { once = `${model}+times=1`, options = {}, look = () => {}, words = "Hello" }: BrokenOptions = {},
): void {
  const ask = { body: { messages: [{ role: "user", content: words }] } };
  both(facts, options, async (lab) => {
    const answer = await stream(lab, model, ask);
    failed(lab, answer);
    await look(answer, lab);
    return answer;
  });
  const whole = (answer: Answer): void => {
    assert.equal(answer.content, words, "not one whole answer");
    assert.equal(shown(answer.text).filter(({ choices }) => choices?.[0]?.delta.role).length, 1, "two answers in one");
  };
  row({ ...facts, row: `${facts.row}, held, once` }, { ...options, ...holding }, async (lab) => {
    const answer = await stream(lab, once, ask);
    if (answer.whole) whole(answer);
    await look(answer, lab);
    return seen(lab, answer);
  });
  both({ ...facts, row: `${facts.row}, held` }, { ...options, ...holding }, async (lab) => {
    const answer = await stream(lab, model, ask);
    // Nothing was shown before it failed.
    if (answer.whole) whole(answer);
    else assert.notEqual(answer.status, 200);
    await look(answer, lab);
    return answer;
  });
}

interface BrokenOptions {
  /** The model that fails the first time only. */
  readonly once?: string;
  readonly options?: LabOptions;
  readonly look?: (answer: Answer, lab: Lab) => void | Promise<void>;
  readonly words?: string;
}

const words = "One two three four five six";

broken({ row: "51", phase, fault: "a clean end without a finish" }, "sim+cut=3+usage=early", {
  words,
  look: (answer, lab) => {
    assert.ok(answer.whole || answer.status !== 200 || answer.content === "One two three ");
    if (answer.status === 200) assert.ok(lab.log[0]?.usage, "what was reported of the usage is not recorded");
  },
});

const tools = [
  {
    type: "function",
    function: {
      name: "book",
      parameters: {
        type: "object",
        properties: { city: { type: "string" }, nights: { type: "integer" } },
        required: ["city", "nights"],
      },
    },
  },
];

for (const [label, more] of [
  ["51, a tool call", ""],
  ["52, a tool call", "+reset=2"],
] as const) {
  const model = more ? `sim+tool${more}` : "sim+tool+cut=2";
  both({ row: label, phase, fault: "the arguments of a tool call break off" }, {}, async (lab) => {
    const answer = await stream(lab, model, { body: { tools } });
    failed(lab, answer);
    const calls = shown(answer.text).flatMap(({ choices }) => choices?.[0]?.delta.tool_calls ?? []);
    const begun = calls.map((call) => call.function.arguments).join("");
    assert.match(begun, /^\{"city":/);
    assert.throws(() => JSON.parse(begun), SyntaxError, "the arguments are whole");
    return answer;
  });
}

both({ row: "51, a tool call, not streamed", phase, fault: "the arguments of a tool call break off" }, {}, (lab) =>
  lab.caller.ask("sim+tool+cut=2", { body: { tools } }),
);

row({ row: "51, finished", phase, fault: "an end without `[DONE]` after a finish" }, {}, async (lab) => {
  const answer = await stream(lab, "sim+nodone");
  assert.equal(answer.content, "Hello");
  return seen(lab, answer);
});

broken({ row: "52", phase, fault: "the connection is reset" }, "sim+reset=3", { words });
broken({ row: "52, closed", phase, fault: "the connection is closed" }, "sim+close=3", { words });

both({ row: "53", phase, fault: "an error event" }, {}, async (lab) => {
  const answer = await stream(lab, "sim+error-event=2", { body: { messages: [{ role: "user", content: words }] } });
  failed(lab, answer);
  return answer;
});

row({ row: "53, 429", phase, fault: "an error event: too many calls" }, {}, async (lab) => {
  const answer = await stream(lab, "sim+error-event=1+error-status=429");
  const errors = shown(answer.text).filter(({ error }) => error);
  assert.equal(errors.length, 1);
  assert.ok(!answer.text.includes("[DONE]"));
  // A provider that has enough to do is not out of order.
  assert.equal(lab.breaker.circuits()[0]?.failures, 0);
  return seen(lab, answer);
});

broken({ row: "54", phase, fault: "an event that is not JSON" }, "sim+malformed=3", {
  words,
  look: (answer) => {
    assert.ok(!answer.text.includes("half of wh"), "it is passed on");
    // What comes after it is not passed on either: a part may be missing.
    if (!answer.whole) assert.ok(!answer.content.includes("four"), "the answer goes on");
  },
});

broken({ row: "55", phase, fault: "half a line at the end" }, "sim+cut-line=3", {
  words,
  look: (answer) => assert.doesNotMatch(answer.text, /"choi$/m, "it is passed on"),
});

broken({ row: "56", phase, fault: "silence in the middle" }, "sim+stall=3", {
  words,
  look: async (answer, lab) => {
    assert.ok(answer.durationMs >= 395, "given up before its time");
    await until(() => lab.primary.calls[0]?.outcome === "aborted", "the provider's call is aborted");
    assert.equal(lab.primary.calls.length, 1, "who was silent is asked again");
  },
});

both({ row: "57", phase, fault: "a chunk now and then, without end" }, { call: { totalMs: 700 } }, async (lab) => {
  const answer = await stream(lab, "sim+trickle=50");
  assert.ok(answer.durationMs >= 695 && answer.durationMs < 3000, `after ${answer.durationMs} ms`);
  assert.ok(shown(answer.text).at(-1)?.error, "no error at the end");
  assert.ok(!answer.text.includes("[DONE]"), "[DONE] after an error");
  assert.equal(lab.primary.calls.length + lab.backup.calls.length, 1, "asked again after something was shown");
  await until(() => lab.primary.calls[0]?.outcome === "aborted", "the provider's call is aborted");
  return answer;
});

both({ row: "58", phase, fault: "a line of 5 MB that does not end" }, {}, async (lab) => {
  const answer = await inBounds("a line of 5 MB", () => stream(lab, "sim+long-line=5000000"));
  failed(lab, answer);
  assert.ok(answer.text.length < 5000, "it is passed on");
  await until(() => lab.primary.calls[0]?.outcome !== "open", "the provider's call is over");
  return answer;
});

const text = "Grüße, 你好 und 🎉!";

row(
  {
    row: "59",
    phase,
    fault: "CR, CRLF, split UTF-8, a byte order mark, no space, data in several lines, comments",
  },
  {},
  async (lab) => {
    const body = { messages: [{ role: "user", content: text }] };
    const forms = ["cr", "crlf", "split=1", "bom", "nospace", "multiline", "comments", "bom+crlf+split=3+comments"];
    for (const form of forms) {
      const answer = await stream(lab, `sim+${form}`, { body });
      assert.equal(tell(answer), "200, whole answer");
      assert.equal(answer.content, text);
      const direct = await chunksBy(lab.primary.url, { model: `sim+${form}`, stream: true, ...body });
      const through = shown(answer.text).map(({ choices }) => choices);
      assert.deepEqual(through, direct, `other chunks than another reader finds: ${form}`);
    }
    return { done: `primary 200, in ${forms.length} forms`, back: "200, whole answer each" };
  },
);

/** The choices of what a provider sends, as a reader of events finds them that others have written. */
async function chunksBy(url: string, body: object): Promise<readonly Shown["choices"][]> {
  const response = await fetch(`${url}/chat/completions`, {
    method: "POST",
    headers: { "content-type": "application/json", connection: "close" },
    body: JSON.stringify(body),
  });
  const found: Shown["choices"][] = [];
  const parser = createParser({
    onEvent: ({ data }) => {
      if (data !== "[DONE]") found.push((JSON.parse(data) as Shown).choices);
    },
  });
  parser.feed(await response.text());
  return found;
}

row({ row: "61", phase, fault: "an event of an unknown type" }, {}, async (lab) => {
  const answer = await stream(lab, "sim+unknown-event=1");
  assert.equal(answer.content, "Hello");
  assert.match(answer.text, /data: \{"type":"ping"/);
  return seen(lab, answer);
});

row({ row: "61, no choices", phase, fault: "a chunk without choices" }, {}, async (lab) => {
  const answer = await stream(lab, "sim+no-choices=1");
  assert.equal(answer.content, "Hello");
  assert.ok(
    shown(answer.text).every(({ choices }) => choices),
    "strict readers stumble over it",
  );
  return seen(lab, answer);
});

row({ row: "61, a field", phase, fault: "a field of a delta that OpenAI does not know" }, {}, async (lab) => {
  const answer = await stream(lab, "sim+reasoning=2");
  assert.equal(answer.text.match(/"delta":\{"reasoning_content":"/g)?.length, 2);
  return seen(lab, answer);
});

row({ row: "62", phase, fault: "no role in the first delta, no index in a tool call" }, {}, async (lab) => {
  const answer = await stream(lab, "sim+tool=2+norole+noindex", { body: { tools } });
  const chunks = shown(answer.text);
  assert.equal(chunks[0]?.choices?.[0]?.delta.role, "assistant");
  const calls = chunks.flatMap(({ choices }) => choices?.[0]?.delta.tool_calls ?? []);
  for (const wanted of [0, 1]) {
    const parts = calls.filter(({ index }) => index === wanted).map((call) => call.function.arguments);
    assert.deepEqual(Object.keys(JSON.parse(parts.join(""))), ["city", "nights"]);
  }
  return seen(lab, answer);
});

for (const [label, fault, ask] of [
  ["63", "a chunk of usage with no choices, which the caller did not ask for", {}],
  [
    "63, asked for",
    "a chunk of usage with no choices, which the caller asked for",
    { body: { stream_options: { include_usage: true } } },
  ],
] as const) {
  row({ row: label, phase, fault }, {}, async (lab) => {
    const answer = await stream(lab, "sim+usage=always", ask);
    assert.equal(lab.log[0]?.usage?.total_tokens, 2, "it is not counted");
    const chunks = shown(answer.text);
    const empty = chunks.filter(({ choices, usage }) => choices?.length === 0 && usage);
    assert.equal(empty.length, "body" in ask ? 1 : 0);
    return { done: seen(lab, answer).done, back: `${tell(answer)}, ${empty.length > 0 ? "with" : "without"} usage` };
  });
}

row({ row: "64", phase, fault: "a chunk after `[DONE]`" }, {}, async (lab) => {
  const answer = await stream(lab, "sim+after-done");
  assert.equal(answer.content, "Hello");
  assert.ok(answer.text.endsWith("data: [DONE]\n\n"));
  return seen(lab, answer);
});

/** How long an answer may go on after its finish: what is promised, and what a busy machine may make of it. */
const END_MS = 100;
const BUSY_MS = 1000;

for (const [label, model, fault, mostMs] of [
  ["64, open", "sim+keep-open", "the connection stays open after `[DONE]`", END_MS],
  ["64, open, no end", "sim+keep-open+nodone", "the connection stays open after the finish, without `[DONE]`", END_MS],
  [
    "64, open, no usage",
    "sim+keep-open+nodone+usage=none",
    "the connection stays open after the finish, without `[DONE]` and without the usage that was asked for",
    1100,
  ],
] as const) {
  row({ row: label, phase, fault }, {}, async (lab) => {
    const asked = lab.caller.start(model, { stream: true });
    let finishedAt = Number.NaN;
    asked.request.prependOnceListener("response", (response) => {
      response.on("data", (piece: string) => {
        if (piece.includes('"finish_reason":"stop"')) finishedAt = performance.now();
      });
    });
    const answer = await asked.answer;
    const ms = performance.now() - finishedAt;
    console.log(`${fault}: ended ${ms.toFixed(0)} ms after the finish, promised ${mostMs}`);
    assert.ok(ms < mostMs + BUSY_MS, `ended ${ms} ms after the finish`);
    assert.ok(answer.whole, "a finished answer is no failure");
    await until(() => lab.primary.connections === 0, "the connection is dropped");
    return seen(lab, answer);
  });
}
