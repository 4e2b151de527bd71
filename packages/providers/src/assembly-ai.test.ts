import assert from "node:assert/strict";
import { Readable } from "node:stream";
import { test } from "node:test";
import { type Call, type Caller, type Code, caller, callerId, createCall, GatewayError } from "@gatewright/core";
import { Dispatcher } from "undici";
import { type AssemblyAIOptions, assemblyAi } from "./assembly-ai.ts";

const KEY = "aai-key-0123456789";
const ID = "47b95ba5-6889-44d8-bc80-5de38306e582";
const said = {
  id: ID,
  status: "completed",
  text: "Hello.",
  audio_url: "https://x.test/a.mp3",
  words: [{ text: "Hello." }],
};

test("a transcript is asked for by its id, with the raw key, and nothing of the caller's", async () => {
  const { transcript, requests } = setUp(said);
  const call = createCall({ headers: { authorization: "Bearer caller", cookie: "a=b" } });
  assert.deepEqual(await transcript(ID, call), { id: ID, status: "completed", text: "Hello." });
  const [request] = requests;
  assert.equal(
    `${request?.method} ${request?.origin}${request?.path}`,
    `GET https://api.assemblyai.com/v2/transcript/${ID}`,
  );
  assert.partialDeepStrictEqual(request?.headers, { authorization: KEY, "accept-encoding": "identity" });
  assert.doesNotMatch(JSON.stringify(request?.headers), /Bearer|a=b/);
});

test("the base may have a path, and be elsewhere", async () => {
  for (const baseUrl of ["https://api.eu.assemblyai.com", "http://127.0.0.1:1/stt/", "http://127.0.0.1:1/stt"]) {
    const { transcript, requests } = setUp(said, { baseUrl });
    await transcript(ID, createCall());
    assert.equal(`${requests[0]?.origin}${requests[0]?.path}`, `${baseUrl.replace(/\/$/, "")}/v2/transcript/${ID}`);
  }
});

test("nothing but an id ever comes into a URL", async () => {
  const { transcript, requests } = setUp(said);
  for (const id of ["", "../x", "a/b", "a?b", "a#b", "https://x.test/", "a b", "%2e", "a\r\nx: y"]) {
    assert.equal(await transcript(id, createCall()), undefined);
  }
  assert.equal(requests.length, 0);
});

test("each caller may have a key of its own, and for one that has none nothing is asked", async () => {
  const keys = new Map([
    ["key alice", "key-of-alice"],
    ["key bob", "key of bob"],
  ]);
  const { transcript, requests } = setUp(said, { apiKey: async (call) => keys.get(callerId(call)) });
  assert.equal((await transcript(ID, callOf({ name: "alice" })))?.text, "Hello.");
  assert.partialDeepStrictEqual(requests[0]?.headers, { authorization: "key-of-alice" });
  await assert.rejects(transcript(ID, callOf({ name: "bob" })), /apiKey/);
  assert.equal(await transcript(ID, callOf({ name: "alice", kind: "token" })), undefined);
  assert.equal(await transcript(ID, createCall()), undefined);
  assert.equal(requests.length, 1);
});

function callOf(known: Caller): Call {
  const call = createCall();
  call.context.set(caller, known);
  return call;
}

test("utterances come along, and what is not known is dropped", async () => {
  const utterances = [{ speaker: "A", text: "Hello.", start: 10, end: 20, confidence: 1, words: [] }];
  const found = await setUp({ ...said, utterances, owner: "key bob" }).transcript(ID, createCall());
  assert.deepEqual(found?.utterances, [{ speaker: "A", text: "Hello.", start: 10 }]);
  assert.equal(found?.owner, undefined);
});

const STATES: Readonly<Record<string, readonly [answer: object, found: object | undefined, status?: number]>> = {
  "is queued": [
    { id: ID, status: "queued", text: null },
    { id: ID, status: "queued" },
  ],
  "is being made": [
    { id: ID, status: "processing" },
    { id: ID, status: "processing" },
  ],
  "has failed": [
    { id: ID, status: "error", error: `No audio, ${KEY}.` },
    { id: ID, status: "error", error: "No audio, ***." },
  ],
  "was deleted": [{ ...said, text: "Deleted by user.", audio_url: "http://deleted_by_user" }, undefined],
  "was deleted, as its text says": [{ ...said, text: "Deleted by user." }, undefined],
  "was deleted, as its audio says": [{ ...said, audio_url: "http://deleted_by_user" }, undefined],
  "was deleted, as its audio says with a path": [{ ...said, audio_url: "https://deleted_by_user/x" }, undefined],
  "was recorded where the name of a host begins like that": [
    { ...said, audio_url: "https://deleted_by_user.test/a.mp3" },
    { id: ID, status: "completed", text: "Hello." },
  ],
  "is another's, and was deleted": [
    { ...said, id: "other", text: "Deleted by user." },
    { id: "other", status: "completed", text: "Deleted by user." },
  ],
  "is unknown": [{ error: "Transcript lookup error, transcript id not found" }, undefined, 400],
};

for (const [what, [answer, found, status]] of Object.entries(STATES)) {
  test(`a transcript that ${what} is read as such`, async () => {
    assert.deepEqual(await setUp(answer, { status }).transcript(ID, createCall()), found);
  });
}

const FAILURES: Readonly<Record<string, readonly [answer: string | object, status: number, code: Code]>> = {
  "refuses the key": [{ error: `Authentication error, API token ${KEY} missing/invalid` }, 401, "llm.provider.auth"],
  "forbids it": [{ error: "Your account is suspended" }, 403, "llm.provider.auth"],
  "limits calls": [{ error: "Too many requests" }, 429, "llm.provider.rate_limited"],
  "is out of order": ["<h1>Oops</h1>", 500, "llm.provider.server_error"],
  "is overloaded": ["", 503, "llm.provider.overloaded"],
  "refuses it otherwise": [{ error: "Invalid request" }, 400, "llm.provider.rejected"],
  "answers with a redirect": ["", 302, "llm.provider.bad_response"],
  "answers no JSON": ["<h1>Hello</h1>", 200, "llm.provider.bad_response"],
  "answers nothing": ["", 200, "llm.provider.bad_response"],
  "answers no transcript": [{ id: ID, text: "Hello." }, 200, "llm.provider.bad_response"],
  "answers a status that there is not": [{ id: ID, status: "paused" }, 200, "llm.provider.bad_response"],
  "answers 404 without a word": ["nginx", 404, "llm.provider.bad_response"],
  "has nothing there": [{ error: "Not found" }, 404, "llm.provider.bad_response"],
  "has no transcript at that URL": [{ error: "Transcript not found" }, 404, "llm.provider.bad_response"],
  "does not find something else": [{ error: "Speech model not found" }, 400, "llm.provider.rejected"],
  "does not find it, for the key is wrong": [{ error: "Transcript id not found" }, 401, "llm.provider.auth"],
  "does not find it, as it fails": [{ error: "Transcript id not found" }, 500, "llm.provider.server_error"],
  "does not find it, in the wrong order": [{ error: "Not found: no transcript" }, 400, "llm.provider.rejected"],
  "answers too much": [{ ...said, text: "x".repeat(100_000) }, 200, "llm.provider.bad_response"],
};

for (const [how, [answer, status, code]] of Object.entries(FAILURES)) {
  test(`a service that ${how} is told as its failure, without the key`, async () => {
    const { transcript } = setUp(answer, { status, maxResponseBytes: 50_000 });
    await assert.rejects(transcript(ID, createCall()), (error) => {
      assert.ok(error instanceof GatewayError);
      assert.deepEqual([error.code, error.origin], [code, "upstream"]);
      assert.doesNotMatch(`${error.message} ${JSON.stringify(error.cause)}`, /aai-key/);
      return true;
    });
  });
}

test("a compressed answer is refused, as nobody asked for one", async () => {
  const { transcript } = setUp(said, { headers: { "content-encoding": "gzip" } });
  await assert.rejects(transcript(ID, createCall()), { code: "llm.provider.bad_response", retryable: false });
});

test("a call that ends takes its look-up with it", async () => {
  const { transcript } = setUp(said);
  const signal = AbortSignal.abort(new GatewayError("llm.timeout.total", "late"));
  await assert.rejects(transcript(ID, createCall({ signal })), { code: "llm.timeout.total" });
});

test("a bad option is named, and a key not shown", () => {
  const bad: readonly (readonly [string, object])[] = [
    ["apiKey ", { apiKey: "" }],
    ["apiKey ", { apiKey: undefined }],
    ["apiKey ", { apiKey: `${KEY}\n` }],
    ["baseUrl ", { baseUrl: "api.assemblyai.com" }],
    ["baseUrl ", { baseUrl: "ftp://x.test" }],
    ["baseUrl ", { baseUrl: "https://x.test/?a" }],
    ["baseUrl ", { baseUrl: "https://me:hush@x.test/" }],
    ["baseUrl must be without the version", { baseUrl: "https://api.assemblyai.com/v2" }],
    ["baseUrl must be without the version", { baseUrl: "https://x.test/stt/v2/" }],
    ["maxResponseBytes ", { maxResponseBytes: 0 }],
  ];
  for (const [name, options] of bad) {
    assert.throws(
      () => assemblyAi({ apiKey: KEY, ...options }),
      (error) =>
        error instanceof TypeError &&
        error.message.startsWith(`assemblyAi: ${name}`) &&
        !/hush|aai-/.test(error.message),
    );
  }
});

interface SetUp extends Partial<AssemblyAIOptions> {
  readonly status?: number | undefined;
  readonly headers?: Readonly<Record<string, string>>;
}

/** The source over a service that always answers the same. */
function setUp(answer: string | object, { status = 200, headers = {}, ...options }: SetUp = {}) {
  const requests: Dispatcher.RequestOptions[] = [];
  class Fixed extends Dispatcher {
    override request(request: Dispatcher.RequestOptions): Promise<Dispatcher.ResponseData> {
      requests.push(request);
      const { signal } = request;
      if (signal instanceof AbortSignal && signal.aborted) return Promise.reject(signal.reason);
      const text = typeof answer === "string" ? answer : JSON.stringify(answer);
      const body = Readable.from(text === "" ? [] : [Buffer.from(text)]);
      // Of an answer, its status, headers and body are read, and the body as any stream.
      return Promise.resolve({ statusCode: status, headers, body } as unknown as Dispatcher.ResponseData);
    }
  }
  return { requests, transcript: assemblyAi({ apiKey: KEY, dispatcher: new Fixed(), ...options }) };
}
