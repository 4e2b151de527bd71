import assert from "node:assert/strict";
import { createServer, type ServerResponse } from "node:http";
import { after, beforeEach, describe, test } from "node:test";
import { gzipSync } from "node:zlib";
import {
  auth,
  bySpeaker,
  callerId,
  compose,
  fallback,
  type GatewayError,
  gateway,
  type InjectTranscriptOptions,
  injectTranscript,
  type Middleware,
  retry,
  type Transcript,
  type TranscriptMismatch,
  toGatewayError,
  toNode,
} from "@gatewright/core";
import { assemblyAi, openai } from "@gatewright/providers";
import { startSimulator } from "@gatewright/simulator";
import { listen } from "./listen.ts";

// Transcripts of a service on a real port, put into the prompts of a gateway on another.

const TAG = "{{ transcript }}";
/** What the service's accounts hold, by the key of each. */
const accounts: Record<string, Record<string, object>> = {
  "stt-of-a": { "a-1": { text: "The words of A." }, "a-2": { text: "More of A." } },
  "stt-of-b": { "b-1": { text: "The words of B." } },
};
const keysOf = new Map([
  ["key a", "stt-of-a"],
  ["key b", "stt-of-b"],
]);
const asked: string[] = [];
let left = 0;
/** What the service does in place of answering. */
let misbehave: ((response: ServerResponse, id: string) => void) | undefined;

const service = await listen(
  createServer((request, response) => {
    const id = request.url?.split("/").at(-1) ?? "";
    asked.push(`${request.method} ${request.url}`);
    response.on("close", () => response.writableFinished || left++);
    const answer = (status: number, body: object): void => {
      response.writeHead(status, { "content-type": "application/json" }).end(JSON.stringify(body));
    };
    if (misbehave) return misbehave(response, id);
    const account = accounts[request.headers.authorization ?? ""];
    if (!account) return answer(401, { error: "Authentication error, API token missing/invalid" });
    const found = account[id];
    if (!found) return answer(400, { error: "Transcript lookup error, transcript id not found" });
    answer(200, { id, status: "completed", audio_url: "https://audio.test/1.mp3", ...found });
  }),
);
const provider = await startSimulator();
after(() => Promise.all([service.close(), provider.close()]));
beforeEach(() => {
  asked.length = 0;
  left = 0;
  misbehave = undefined;
});

interface Answer {
  readonly status: number;
  readonly headers: Headers;
  readonly said: unknown;
  readonly code: unknown;
  readonly text: string;
  /** What the provider was sent as the content of the first message, for each try. */
  readonly sent: readonly unknown[];
}

interface Options extends Partial<InjectTranscriptOptions> {
  readonly outside?: readonly Middleware[];
  readonly inside?: readonly Middleware[];
}

/** Uses a gateway with the callers `a` and `b`, each with an account at the service, and `c` without one. */
async function withGateway(
  options: Options,
  use: (
    ask: (body: object, key?: string, signal?: AbortSignal) => Promise<Answer>,
    failures: GatewayError[],
  ) => Promise<void>,
): Promise<void> {
  const { outside = [], inside = [], ...own } = options;
  const source = assemblyAi({ baseUrl: service.url, apiKey: (call) => keysOf.get(callerId(call)) });
  const failures: GatewayError[] = [];
  const watch: Middleware = (request, next) =>
    next(request).catch((thrown) => {
      failures.push(toGatewayError(thrown, request.call.signal));
      throw thrown;
    });
  const keys = auth({ keys: ["a", "b", "c"].map((name) => ({ name, key: `key-of-${name}-0123456789` })) });
  const inject = injectTranscript({ source, ...own });
  const pipeline = compose([watch, keys, ...outside, inject, ...inside], openai({ baseUrl: provider.url }));
  const server = await listen(createServer(toNode(gateway(pipeline))));
  try {
    const ask = async (body: object, key = "a", signal?: AbortSignal): Promise<Answer> => {
      const before = provider.calls.length;
      const response = await fetch(`${server.url}/v1/chat/completions`, {
        method: "POST",
        headers: { "content-type": "application/json", authorization: `Bearer key-of-${key}-0123456789` },
        body: JSON.stringify({ model: "sim", messages: [{ role: "user", content: `<${TAG}>` }], ...body }),
        ...(signal && { signal }),
      });
      const text = await response.text();
      const json = JSON.parse(text);
      const sent = provider.calls.slice(before).map(({ body }) => JSON.parse(JSON.stringify(body)).messages[0].content);
      const { status, headers } = response;
      return { status, headers, text, said: json.choices?.[0].message.content, code: json.error?.code, sent };
    };
    await use(ask, failures);
  } finally {
    await server.close();
  }
}

test("a transcript is asked for by its id, inserted, and kept for its caller", async () => {
  await withGateway({}, async (ask) => {
    for (const _ of [1, 2]) assert.equal((await ask({ transcript_id: "a-1" })).said, "<The words of A.>");
    assert.deepEqual(asked, ["GET /v2/transcript/a-1"]);
    assert.doesNotMatch(
      JSON.stringify(provider.calls.map(({ body, headers }) => [body, headers])),
      /transcript_id|stt-of/,
    );
  });
});

test("a caller never gets what another was given", async () => {
  await withGateway({}, async (ask) => {
    assert.equal((await ask({ transcript_id: "a-1" }, "a")).said, "<The words of A.>");
    const refused = await ask({ transcript_id: "a-1" }, "b");
    assert.deepEqual([refused.status, refused.code, refused.sent], [404, "llm.transcript.not_found", []]);
    assert.equal((await ask({ transcript_id: "b-1" }, "b")).said, "<The words of B.>");
    assert.equal((await ask({ transcript_id: "b-1" }, "a")).status, 404);
    asked.length = 0;
    assert.deepEqual([(await ask({ transcript_id: "a-1" }, "c")).code, asked], ["llm.transcript.not_found", []]);
  });
});

for (const where of ["inside", "outside"] as const) {
  test(`retries ${where} of the layer send one transcript, which is looked up once`, async () => {
    await withGateway({ [where]: [retry({ baseDelayMs: 1, throttleDelayMs: 1 })] }, async (ask) => {
      const { said, sent } = await ask({ transcript_id: "a-1", model: `sim-${where}+status=503+times=2` });
      assert.equal(typeof said, "string");
      assert.deepEqual(sent, Array(3).fill("<The words of A.>"));
      assert.equal(asked.length, 1);
    });
  });
}

test("a fallback may bring messages and a transcript of its own", async () => {
  await withGateway({ inside: [fallback()] }, async (ask) => {
    const fallbacks = [
      { model: "sim+words=1", transcript_id: "a-2", messages: [{ role: "user", content: `Briefly: ${TAG}` }] },
    ];
    const { sent } = await ask({ transcript_id: "a-1", model: "sim+status=500", fallbacks });
    assert.deepEqual(sent, ["<The words of A.>", "Briefly: More of A."]);
    assert.equal(asked.length, 2);
  });
});

test("utterances can be inserted, with their speakers and times", async () => {
  const utterances = [{ speaker: "A", text: "Hello.", start: 61_000, end: 62_000, words: [] }];
  Object.assign(accounts["stt-of-a"] ?? {}, { spoken: { text: "Hello.", utterances } });
  await withGateway({ format: bySpeaker }, async (ask) => {
    assert.equal((await ask({ transcript_id: "spoken" })).said, "<[00:01:01] Speaker A: Hello.>");
  });
});

const STATES: Readonly<Record<string, readonly [record: object, status: number, code: string, says: RegExp]>> = {
  queued: [{ status: "queued", text: null }, 409, "llm.transcript.not_ready", /queued/],
  processing: [{ status: "processing", text: null }, 409, "llm.transcript.not_ready", /processing/],
  failed: [
    { status: "error", error: "Download error: stt-of-a, https://me:hush@audio.test/1.mp3?sig=hush" },
    422,
    "llm.transcript.failed",
    /Download error: \*\*\*, https:\/\/\*\*\*@audio\.test\/1\.mp3\?\*\*\*/,
  ],
  deleted: [
    { text: "Deleted by user.", audio_url: "http://deleted_by_user" },
    404,
    "llm.transcript.not_found",
    /no transcript/,
  ],
  silent: [{ text: "" }, 422, "llm.transcript.failed", /no text/],
  "too-long": [{ text: "x".repeat(1_000_001) }, 400, "llm.request.context_length", /1000001 characters/],
};

for (const [id, [record, status, code, says]] of Object.entries(STATES)) {
  test(`one that is ${id} is ${status}, and reaches no provider`, async () => {
    Object.assign(accounts["stt-of-a"] ?? {}, { [id]: record });
    await withGateway({}, async (ask) => {
      const refused = await ask({ transcript_id: id });
      assert.deepEqual([refused.status, refused.code, refused.sent], [status, code, []]);
      assert.match(refused.text, says);
      assert.equal(refused.headers.get("retry-after"), status === 409 ? "1" : null);
    });
  });
}

test("a call may wait for one that is not ready", { timeout: 20_000 }, async () => {
  await withGateway({ maxWaitMs: 5000 }, async (ask) => {
    Object.assign(accounts["stt-of-a"] ?? {}, { soon: { status: "processing" } });
    const waiting = ask({ transcript_id: "soon" });
    setTimeout(() => Object.assign(accounts["stt-of-a"] ?? {}, { soon: { text: "At last." } }), 300);
    assert.equal((await waiting).said, "<At last.>");
    assert.equal(asked.length, 2);
  });
});

test("a caller that leaves takes its look-up with it", { timeout: 20_000 }, async (t) => {
  misbehave = () => {};
  await withGateway({}, async (ask, failures) => {
    const leaving = new AbortController();
    const replying = ask({ transcript_id: "a-1" }, "a", leaving.signal);
    await t.waitFor(() => assert.equal(asked.length, 1), { interval: 2, timeout: 5000 });
    leaving.abort();
    await assert.rejects(replying);
    await t.waitFor(() => assert.equal(left, 1), { interval: 2, timeout: 5000 });
    assert.equal(failures[0]?.code, "llm.canceled");
  });
});

type Fault = (response: ServerResponse, id: string) => void;
const json = (status: number, body: object, headers: Record<string, string> = {}): Fault => {
  return (response) =>
    void response.writeHead(status, { "content-type": "application/json", ...headers }).end(JSON.stringify(body));
};
const FAULTS: Readonly<Record<string, readonly [Fault, retryAfter: string | null]>> = {
  "does not answer": [() => {}, "1"],
  "stops in its answer": [(response) => void response.writeHead(200).write("{"), "1"],
  "closes the connection": [(response) => response.destroy(), "1"],
  fails: [json(500, { error: "Server error, hush" }), "1"],
  "fails, and names the transcript": [json(500, { error: "Transcript id not found" }), "1"],
  "answers a page": [(response) => void response.writeHead(502).end("<html>"), "1"],
  "answers no JSON": [(response) => void response.writeHead(200).end("<html>"), "1"],
  "limits calls": [json(429, { error: "Too many requests" }, { "retry-after": "7" }), "7"],
  "refuses the key": [json(401, { error: "Authentication error, stt-of-a" }), null],
  "refuses the key, and names the transcript": [json(401, { error: "Transcript id not found" }), null],
  "refuses it otherwise": [json(400, { error: "Something of hush" }), null],
  "is not there": [json(404, { error: "Not found" }), null],
  "sends elsewhere": [(response) => void response.writeHead(302, { location: "http://169.254.169.254/" }).end(), null],
  "sends elsewhere, and does not end": [
    (response) => void response.writeHead(302, { location: "http://169.254.169.254/" }).write("hush"),
    null,
  ],
  "compresses its answer": [
    (response) => void response.writeHead(200, { "content-encoding": "gzip" }).write(gzipSync("{}")),
    null,
  ],
};

describe("Row 75", () => {
  for (const [how, [fault, retryAfter]] of Object.entries(FAULTS)) {
    test(`a service that ${how} is a 503, and reaches no provider`, async () => {
      await withGateway({ timeoutMs: 150, inside: [retry(), fallback()] }, async (ask) => {
        misbehave = fault;
        const refused = await ask({ transcript_id: "a-1", fallbacks: [{ model: "sim" }] });
        assert.deepEqual([refused.status, refused.sent, asked.length], [503, [], 1]);
        assert.doesNotMatch(refused.text + JSON.stringify([...refused.headers]), /stt-of|169\.254|hush/);
        assert.equal(refused.headers.get("retry-after"), retryAfter);
        misbehave = undefined;
        assert.equal((await ask({ transcript_id: "a-1" })).said, "<The words of A.>");
      });
    });
  }

  test("a service that nobody answers for is a 503", async () => {
    const gone = await listen(createServer());
    await gone.close();
    await withGateway({ source: assemblyAi({ baseUrl: gone.url, apiKey: "stt-of-a" }) }, async (ask) => {
      assert.equal((await ask({ transcript_id: "a-1" })).status, 503);
    });
  });

  test("a record of another is a 500, told of, and never inserted or kept", async () => {
    const told: TranscriptMismatch[] = [];
    await withGateway({ onMismatch: (mismatch) => void told.push(mismatch) }, async (ask, failures) => {
      misbehave = json(200, { id: "b-1", status: "completed", text: "The words of B." });
      const refused = await ask({ transcript_id: "a-1" });
      assert.deepEqual([refused.status, refused.code, refused.sent], [500, "llm.internal", []]);
      assert.doesNotMatch(refused.text, /b-1|words/);
      assert.deepEqual(told, [{ asked: { id: "a-1", caller: "key a" }, answered: { id: "b-1", owner: undefined } }]);
      assert.match(String(failures[0]?.cause), /another transcript/);
      misbehave = undefined;
      assert.equal((await ask({ transcript_id: "a-1" })).said, "<The words of A.>");
    });
  });

  test("a record of another tenant is a 500, told of, and never inserted", async () => {
    const told: TranscriptMismatch[] = [];
    const source = async (id: string): Promise<Transcript> => ({
      id,
      text: "The words of B.",
      owner: "key b",
    });
    await withGateway({ source, onMismatch: (mismatch) => void told.push(mismatch) }, async (ask) => {
      assert.deepEqual([(await ask({ transcript_id: "x" })).status, told.length], [500, 1]);
      assert.equal((await ask({ transcript_id: "x" }, "b")).said, "<The words of B.>");
    });
  });
});
