import assert from "node:assert/strict";
import type { Server } from "node:http";
import type { Socket } from "node:net";
import { after, describe, type TestContext, test } from "node:test";
import { setTimeout as sleep } from "node:timers/promises";
import type { SimulatedCall } from "@gatewright/simulator";
import OpenAI from "openai";
import { type Lab, type LabOptions, startLab } from "./faults/lab.ts";
import { clients, PROMPT, type Read, type StreamClient } from "./stream-clients.ts";

const GONE_WITHIN_MS = 150;

/** Longer than it takes a gateway to ask again: waits are at most 40 ms here. */
const ASKED_AGAIN_MS = 200;

/** Limits that a busy machine keeps. */
const PATIENT = { firstTokenMs: 1000, completionMs: 1000, idleMs: 1000 };

/** A lab that any client may call. */
interface OpenLab {
  readonly lab: Lab;
  readonly url: string;
  /** The connections of its callers. */
  readonly sockets: ReadonlySet<Socket>;
  /** What the first provider was asked for exactly this model. */
  asked(model: string): readonly SimulatedCall[];
}

async function openLab(options: LabOptions = {}): Promise<OpenLab> {
  const sockets = new Set<Socket>();
  const prepare = (server: Server): void => {
    server.on("connection", (socket: Socket) => sockets.add(socket.once("close", () => sockets.delete(socket))));
    server.on("request", () => lab.caller.calls++);
  };
  const lab = await startLab({ attempt: PATIENT, ...options, prepare });
  const asked = (model: string): SimulatedCall[] => lab.primary.calls.filter((call) => call.model === model);
  return { lab, url: `http://127.0.0.1:${lab.caller.port}/v1`, sockets, asked };
}

async function close({ lab }: OpenLab): Promise<void> {
  await lab.settled().finally(() => lab.close());
}

/** What is mounted; every test asks for models of its own. */
const labs = {
  alone: await openLab(),
  "with a backup": await openLab({ backup: true }),
  "held, alone": await openLab({ hold: true }),
  "held, with a backup": await openLab({ hold: true, backup: true }),
};
/** Where nothing may be asked of the backup. */
const watched = await openLab({ backup: true });
after(() => Promise.all([...Object.values(labs), watched].map(close)));

const named = Object.entries(clients);

/** The answer of the first provider, which is not the backup's: that one says what it was asked. */
const ANSWER: string = await answerOf("answer+words=8");
const LONG_ANSWER: string = await answerOf("answer+words=500");

async function answerOf(model: string): Promise<string> {
  return (await clients["openai, a stream"]?.read(labs.alone.lab.primary.url, model))?.text ?? "";
}

function firstWords(count: number): string {
  return ANSWER.split(/(?<= )/)
    .slice(0, count)
    .join("");
}

/** A model that no other test asks for. */
function modelOf(client: string, directives: string): string {
  return `${client.replace(/\W+/g, "-")}+${directives}`;
}

function outcomeOf({ text, finished, error }: Read): { text: string; finished: boolean; code: unknown } {
  return { text, finished, code: error instanceof Error && "code" in error ? error.code : error };
}

/** The same for every client, at once. */
function each(
  what: string,
  does: string,
  run: (name: string, client: StreamClient, t: TestContext) => Promise<void>,
  those: typeof named = named,
): void {
  describe(what, { concurrency: true }, () => {
    for (const [name, client] of those) test(`${does}: ${name}`, (t) => run(name, client, t));
  });
}

/** How a stream of eight words breaks off, and how many of them come before. */
// biome-ignore format: a table reads best with a row a line
const breaks: readonly (readonly [fault: string, words: number, code: string])[] = [
  ["cut=1", 1, "llm.stream.interrupted"],
  ["cut=3", 3, "llm.stream.interrupted"],
  ["cut=8", 8, "llm.stream.interrupted"],
  ["cut-line=3", 3, "llm.stream.interrupted"],
  ["reset=3", 3, "llm.stream.interrupted"],
  ["close=3", 3, "llm.stream.interrupted"],
  ["stall=3", 3, "llm.timeout.idle"],
  ["malformed=3", 3, "llm.provider.bad_response"],
  ["error-event=3", 3, "llm.provider.server_error"],
  ["error-event=8+error-status=503", 8, "llm.provider.overloaded"],
];

for (const [fault, words, code] of breaks) {
  each(
    `A stream that breaks off by ${fault}`,
    "is a failure with the text so far, asked for once",
    async (name, { read }) => {
      const model = modelOf(name, `words=8+${fault}`);
      const made = await read(watched.url, model);
      assert.deepEqual(outcomeOf(made), { text: firstWords(words), finished: false, code });
      assert.equal(watched.asked(model).length, 1);
      assert.equal(watched.lab.backup.calls.length, 0);
    },
  );
}

/** How the gateway itself ends a stream, and what it still can say. */
const endings: Readonly<Record<string, readonly [end: (open: OpenLab) => void, code?: string]>> = {
  "is shut down": [({ lab }) => lab.closing.abort(), "llm.shutting_down"],
  "loses its connections": [({ sockets }) => sockets.forEach((socket) => void socket.destroy())],
  "resets its connections": [({ sockets }) => sockets.forEach((socket) => void socket.resetAndDestroy())],
};

for (const [how, [end, code]] of Object.entries(endings)) {
  each(`A stream in which the gateway ${how}`, "is a failure with the text so far", async (name, { read }) => {
    const open = await openLab({ backup: true });
    try {
      const model = modelOf(name, "words=500+pace=5");
      const made = await read(open.url, model, { onText: () => end(open) });
      assert.equal(made.finished, false);
      assert.ok(made.error !== undefined, "no error");
      if (code) assert.equal(outcomeOf(made).code, code);
      assert.ok(made.text.length > 0 && LONG_ANSWER.startsWith(made.text), made.text);
      assert.deepEqual({ asked: open.asked(model).length, calls: open.lab.caller.calls }, { asked: 1, calls: 1 });
    } finally {
      await close(open);
    }
  });
}

/** What the gateway cures without its caller's knowledge, and how often the first provider is asked for that. */
// biome-ignore format: a table reads best with a row a line
const cures: readonly (readonly [fault: string, mounted: keyof typeof labs, answer: string, asked: number])[] = [
  ["status=500+times=1", "alone", ANSWER, 2],
  ["reset+times=1", "alone", ANSWER, 2],
  ["cut=0+times=2", "alone", ANSWER, 3],
  ["reset=0+times=1", "alone", ANSWER, 2],
  ["malformed=0+times=1", "alone", ANSWER, 2],
  ["error-event=0+times=1", "alone", ANSWER, 2],
  ["status=503", "with a backup", PROMPT, 2],
  ["cut=0", "with a backup", PROMPT, 2],
  ["stall=first", "with a backup", PROMPT, 1],
  ["cut=3+times=1", "held, alone", ANSWER, 2],
  ["cut=8+times=2", "held, alone", ANSWER, 3],
  ["cut-line=3+times=1", "held, alone", ANSWER, 2],
  ["reset=3+times=1", "held, alone", ANSWER, 2],
  ["malformed=3+times=1", "held, alone", ANSWER, 2],
  ["error-event=3+times=1", "held, alone", ANSWER, 2],
  ["cut=3", "held, with a backup", PROMPT, 2],
  ["reset=3", "held, with a backup", PROMPT, 2],
  ["stall=3", "held, with a backup", PROMPT, 1],
];

for (const [fault, mounted, answer, times] of cures) {
  each(`A gateway ${mounted} that meets ${fault}`, "answers once and whole", async (name, { read }) => {
    const model = modelOf(name, `words=8+${fault}`);
    const made = await read(labs[mounted].url, model);
    assert.deepEqual(made, { text: answer, finished: true, error: undefined, tools: [] } satisfies Read);
    assert.equal(labs[mounted].asked(model).length, times);
  });
}

each(
  "A client that leaves in mid-stream",
  "ends the provider's call at once, and nothing follows",
  async (name, { read }, t) => {
    const model = modelOf(name, "words=500+pace=5");
    const caller = new AbortController();
    let leftAt = 0;
    const onText = (): void => {
      leftAt ||= performance.now();
      caller.abort();
    };
    const made = await read(watched.url, model, { signal: caller.signal, onText });
    assert.equal(made.finished, false);
    assert.ok(LONG_ANSWER.startsWith(made.text));
    const [call] = watched.asked(model);
    await t.waitFor(() => assert.equal(call?.outcome, "aborted"), { interval: 2, timeout: 2000 });
    const tookMs = (call?.closedAt ?? Number.NaN) - leftAt;
    assert.ok(tookMs < GONE_WITHIN_MS, `it took ${tookMs} ms`);
    await sleep(ASKED_AGAIN_MS);
    assert.equal(watched.asked(model).length, 1);
    assert.equal(watched.lab.backup.calls.length, 0);
  },
);

const helpers: typeof named = named.filter(([name]) => name !== "openai, a stream");

/** The arguments of a tool call come in three pieces: none yet, the first half, the second. */
for (const fault of ["cut=1", "cut=2", "reset=1", "reset=2", "error-event=2", "stall=2", "cut=2+times=1"]) {
  const handOut = async (name: string, { read }: StreamClient): Promise<void> => {
    const model = modelOf(name, `tool+${fault}`);
    const { error, ...made } = await read(watched.url, model, { offer: true });
    assert.ok(error !== undefined, "no error");
    assert.deepEqual(made, { text: "", finished: false, tools: [] });
    assert.equal(watched.asked(model).length, 1);
  };
  each(`A tool call that breaks off by ${fault}`, "is a failure, and handed out to nobody", handOut, helpers);
}

for (const fault of ["cut=1+times=1", "cut=2+times=1", "reset=2+times=1"]) {
  const handOut = async (name: string, { read }: StreamClient): Promise<void> => {
    const { error, finished, tools } = await read(labs["held, alone"].url, modelOf(name, `tool+${fault}`), {
      offer: true,
    });
    assert.deepEqual(
      { error, finished, tools },
      { error: undefined, finished: true, tools: ['{"city":"city","days":1}'] },
    );
  };
  each(`A tool call that is held and breaks off by ${fault}`, "is handed out once and whole", handOut, helpers);
}

/** How often a client asks that is told of a failure: OpenAI's heeds `x-should-retry`, the others never look at it. */
const asks: Readonly<Record<string, number>> = { openai: 1, ai: 3, LangChain: 7 };

test("A provider that always fails is asked as often as the gateway asks, times what a client makes of it", async (t) => {
  // The clients wait for up to two minutes before they ask again: here a second is ten milliseconds.
  const later = globalThis.setTimeout;
  const sooner = (run: (...given: unknown[]) => void, ms = 0, ...given: unknown[]): NodeJS.Timeout =>
    later(run, ms >= 1000 ? ms / 100 : ms, ...given);
  t.mock.method(globalThis, "setTimeout", sooner);
  const open = await openLab({ call: { totalMs: 600_000 }, attempt: { idleMs: 600_000 } });
  const askAll = named.map(async ([name, { read }]) => {
    const model = modelOf(name, "status=500");
    const { error, ...made } = await read(open.url, model);
    assert.deepEqual(made, { text: "", finished: false, tools: [] });
    assert.ok(error instanceof Error, "no error");
    if (error instanceof OpenAI.APIError) assert.equal(error.headers?.get("x-should-retry"), "false");
    assert.equal(open.asked(model).length, 3 * (asks[name.split(",")[0] ?? ""] ?? 0), name);
  });
  await Promise.all(askAll).finally(() => close(open));
});
