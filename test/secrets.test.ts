import assert from "node:assert/strict";
import { createServer, type IncomingMessage, type ServerResponse } from "node:http";
import { after, describe, test } from "node:test";
import { fileURLToPath } from "node:url";
import {
  auth,
  type CallRecord,
  compose,
  type EnvelopeName,
  eventText,
  fallback,
  gateway,
  injectTranscript,
  log,
  rateLimit,
  retry,
  timeout,
  toNode,
} from "@gatewright/core";
import { postProcess, validateOutput } from "@gatewright/post-process";
import { assemblyAi, openai } from "@gatewright/providers";
import { telemetry } from "@gatewright/telemetry";
import { startExample } from "./gateway-process.ts";
import { listen } from "./listen.ts";
import { startSdk } from "./otel-sdk.ts";

// Secrets are put wherever they can come in, each with a mark of its own, and looked for wherever anything comes out.

const CALLER_KEY = "gw_markCallerKey0123456789abcdefghijklmnop";
const WRONG_KEY = "gw_markWrongKey0123456789abcdefghijklmnop";
const PROVIDER_KEY = "sk-proj-markProviderKey0123456789";
const SERVICE_KEY = "markServiceKey0123456789abcdef";
const SPOKEN = "The markSpoken words of a call that nobody else may ever read.";
const ASKED = "The markAsked question of a caller, which is long enough to be told from others.";
const SAID = "The markSaid answer of a model.";

/** What must not come out anywhere, but in the answer to the very caller who sent it or asked for it. */
const CONTENT = ["markSpoken", "markAsked", "markSaid"];
/** What must not come out at all. */
const SECRETS = [
  "markCallerKey",
  "markWrongKey",
  "markProviderKey",
  "markServiceKey",
  "markCookie",
  "markBasic",
  "markHeader",
  "markInPrompt",
  "markInModel",
  "markInTool",
  "markInSchema",
  "markUser",
  "markUpstream",
  "markSetCookie",
  "markInAnswer",
  "markInTranscript",
  "markRequestId",
];

/** What a provider may do that has secrets in it, by the model that is asked. */
const MISBEHAVIOUR: Readonly<
  Record<string, (response: ServerResponse, request: IncomingMessage, sent: string) => void>
> = {
  answers: (response) => answer(response, `${SAID} sk-markInAnswer0123456789`),
  rejects: (response, request) => {
    refuse(response, 400, `Bad call by ${request.headers.authorization} with sk-markUpstream0123456789`);
  },
  "rejects-and-quotes": (response, _request, sent) => refuse(response, 400, `I do not understand: ${sent}`),
  "knows-no-key": (response, request) => {
    refuse(response, 401, `Incorrect API key provided: ${request.headers.authorization?.slice(7)}`);
  },
  "is-limited": (response) => refuse(response, 429, "Too many for organization, Bearer markUpstream0123456789"),
  fails: (response, request) => {
    refuse(response, 500, `Failed: ${JSON.stringify(request.headers)} set-cookie: id=markUpstream0123456789`);
  },
  "answers-html": (response, request) => {
    response.writeHead(502, { "content-type": "text/html" }).end(`<html>${request.headers.authorization}</html>`);
  },
  "fails-in-its-middle": (response, request) => {
    response.writeHead(200, { "content-type": "text/event-stream" });
    const choices = [{ index: 0, delta: { role: "assistant", content: SAID }, finish_reason: null }];
    response.write(eventText(JSON.stringify({ id: "1", object: "chat.completion.chunk", model: "m", choices })));
    const error = { message: `Lost ${request.headers.authorization}`, type: "server_error" };
    response.end(eventText(JSON.stringify({ error })));
  },
  "answers-no-json": (response) => answer(response, `{${SAID}: sk-markInAnswer0123456789 and so on}`),
  "answers-another-shape": (response) => answer(response, '{"sk-markInAnswer0123456789": "markSaid"}'),
  "breaks-off": (response) => void response.destroy(),
  "names-itself": (response) => {
    answer(response, SAID, { model: "sk-markInModel0123456789", finish_reason: "sk-markUpstream0123456789" });
  },
};

function refuse(response: ServerResponse, status: number, message: string): void {
  response.writeHead(status, {
    "content-type": "application/json",
    "set-cookie": "session=markSetCookie",
    "x-request-id": "sk-markRequestId0123456789",
  });
  response.end(JSON.stringify({ error: { message, type: "error", code: "sk-markUpstream0123456789" } }));
}

function answer(
  response: ServerResponse,
  content: string,
  more: { model?: string; finish_reason?: string } = {},
): void {
  const { model = "m", finish_reason = "stop" } = more;
  const message = { role: "assistant", content };
  response.writeHead(200, { "content-type": "application/json", "set-cookie": "session=markSetCookie" });
  response.end(
    JSON.stringify({ id: "1", object: "chat.completion", model, choices: [{ index: 0, message, finish_reason }] }),
  );
}

const provider = await listen(
  createServer(async (request, response) => {
    let sent = "";
    for await (const piece of request.setEncoding("utf8")) sent += piece;
    const { model, messages } = JSON.parse(sent);
    const misbehave = MISBEHAVIOUR[model] ?? MISBEHAVIOUR.answers;
    misbehave?.(response, request, messages.map(({ content }: { content: string }) => content).join("\n"));
  }),
);
const service = await listen(
  createServer((request, response) => {
    const id = request.url?.split("/").at(-1);
    const body = {
      "call-1": {
        id,
        status: "completed",
        audio_url: "https://audio.test/1",
        text: `${SPOKEN} sk-markInTranscript0123456789`,
      },
      "call-2": { id, status: "error", error: `no file at https://me:markServiceKey0123@b.test/?token=markServiceKey` },
      "call-3": { error: `Failed for ${request.headers.authorization}` },
    }[id ?? ""];
    response.writeHead(id === "call-3" ? 500 : 200, { "content-type": "application/json" });
    response.end(JSON.stringify(body ?? {}));
  }),
);
after(() => Promise.all([provider.close(), service.close()]));

const sdk = startSdk();
after(sdk.stop);

const HEADERS = {
  "content-type": "application/json",
  authorization: `Bearer ${CALLER_KEY}`,
  cookie: "session=markCookie",
  "x-password": "markHeader",
  baggage: "secret=markHeader",
};

const hello = [{ role: "user", content: `${ASKED} My key is sk-markInPrompt0123456789, cookie: id=markInPrompt` }];
const schema = {
  type: "object",
  properties: { "sk-markInSchema0123456789": { type: "integer" } },
  required: ["sk-markInSchema0123456789"],
};
const response_format = { type: "json_schema", json_schema: { name: "sk-markInSchema0123456789", schema } };
const tools = [{ type: "function", function: { name: "sk-markInTool0123456789", parameters: { type: "object" } } }];
const transcript = (id: string): object => ({
  transcript_id: id,
  messages: [{ role: "user", content: `${ASKED} {{ transcript }}` }],
});

/** Every call, by what is special of it. */
const CALLS: Readonly<Record<string, { readonly body: object | string; readonly headers?: Record<string, string> }>> = {
  ...Object.fromEntries(Object.keys(MISBEHAVIOUR).map((model) => [model, { body: { model } }])),
  "a wrong key": { body: {}, headers: { authorization: `Bearer ${WRONG_KEY}` } },
  "a key of another kind": { body: {}, headers: { authorization: "Basic bWFyazptYXJrQmFzaWM=markBasic" } },
  "a key in the query": { body: {}, headers: { authorization: "" } },
  "a body that is no JSON": { body: `{"api_key": "sk-markInPrompt0123456789", ${ASKED}` },
  "fields that are wrong": {
    body: { user: { name: "markUser" }, temperature: "markUser", messages: [{ role: ASKED }] },
  },
  "a routing field": { body: { api_key: "sk-markUser0123456789" } },
  "a key as its model": { body: { model: "sk-markInModel0123456789" } },
  "tools that are named after keys": { body: { tools } },
  "a schema that is named after a key": { body: { model: "answers-another-shape", response_format } },
  "an answer to a schema that is no JSON": { body: { model: "answers-no-json", response_format } },
  "a repair that fails": { body: { model: "answers", post_processing_steps: [{ type: "json-repair" }] } },
  "a transcript": { body: { ...transcript("call-1"), model: "answers" } },
  "a transcript that the provider quotes": { body: { ...transcript("call-1"), model: "rejects-and-quotes" } },
  "a transcript that failed": { body: transcript("call-2") },
  "a transcript whose service fails": { body: transcript("call-3") },
  "an idempotency key": { body: {}, headers: { "idempotency-key": "sk-markHeader0123456789 with space" } },
  "a request id": { body: { model: "fails" }, headers: { "x-request-id": "sk-markRequestId0123456789" } },
  "a trace that is none": { body: {}, headers: { traceparent: "sk-markHeader0123456789", tracestate: "a=markHeader" } },
};

const names: readonly EnvelopeName[] = ["openai", "nested", "flat", "detail", "problem"];

describe("No secret comes out", { timeout: 120_000 }, () => {
  for (const errors of names) {
    test(`of a gateway with the ${errors} envelope: to callers, into logs, spans or metrics`, async () => {
      sdk.spans.reset();
      const records: CallRecord[] = [];
      const calls = log({ sink: { write: (record) => void records.push(record) } });
      const traced = telemetry();
      const source = assemblyAi({ baseUrl: service.url, apiKey: SERVICE_KEY });
      const pipeline = compose(
        [
          calls,
          traced.call,
          auth({ keys: [{ name: "alice", key: CALLER_KEY }] }),
          timeout({ totalMs: 5000 }),
          rateLimit({ limits: [{ requests: 1000, windowMs: 60_000 }] }),
          validateOutput(),
          postProcess(),
          injectTranscript({ source }),
          fallback(),
          retry({ baseDelayMs: 1, throttleDelayMs: 1 }),
          traced.attempt,
        ],
        openai({ baseUrl: `${provider.url}/v1`, apiKey: PROVIDER_KEY }),
      );
      const onError: typeof calls.onError = (error, call) => {
        traced.onRefused(error, call);
        calls.onError(error, call);
      };
      const server = await listen(createServer(toNode(gateway(pipeline, { errors, onError }))));
      let made = 0;
      try {
        for (const [what, { body, headers }] of Object.entries(CALLS)) {
          for (const stream of [false, true]) {
            const json =
              typeof body === "string" ? body : JSON.stringify({ model: "answers", messages: hello, stream, ...body });
            const query = what === "a key in the query" ? `?api_key=${CALLER_KEY}` : "";
            const response = await fetch(`${server.url}/v1/chat/completions${query}`, {
              method: "POST",
              headers: { ...HEADERS, ...headers },
              body: json,
            });
            made++;
            const text = await response.text();
            const head = JSON.stringify([...response.headers]);
            // Whoever asks is shown what it asked for, and what it sent.
            const isAnswer = response.status === 200;
            for (const secret of isAnswer ? [] : [...SECRETS, ...CONTENT]) {
              const own = ["markInModel", "markInSchema", "markRequestId"].includes(secret);
              if (!own) assert.ok(!text.includes(secret), `${what}: ${secret} is shown: ${text}`);
            }
            for (const secret of [
              "markProviderKey",
              "markCallerKey",
              "markServiceKey",
              "markSetCookie",
              "markCookie",
            ]) {
              assert.ok(!(text + head).includes(secret), `${what}: ${secret} is shown: ${text} ${head}`);
            }
          }
        }
      } finally {
        await server.close();
      }
      assert.equal(records.length, made, "a call has no record, or two");
      const finished = sdk.spans.getFinishedSpans();
      assert.ok(finished.length > made, "there are spans");
      const told = {
        logs: records.map((record) => JSON.stringify(record)).join("\n"),
        spans: finished
          .map(({ name, attributes, events, status, links }) =>
            JSON.stringify({ name, attributes, events, status, links }),
          )
          .join("\n"),
        metrics: JSON.stringify(await sdk.metrics()),
      };
      assert.match(told.metrics, /gen_ai\.client\.operation\.duration/);
      for (const [where, text] of Object.entries(told)) {
        for (const secret of [...SECRETS, ...CONTENT]) {
          const at = text.indexOf(secret);
          assert.equal(at, -1, `${secret} is in the ${where}: ${text.slice(Math.max(0, at - 300), at + 60)}`);
        }
      }
    });
  }

  test("of the example gateway's log, with what was said or without, nor when it crashes", async () => {
    for (const content of ["false", "true"]) {
      const preload = fileURLToPath(new URL("./crash-preload.ts", import.meta.url));
      const example = await startExample("gateway", {
        GATEWAY_KEYS: `alice=${CALLER_KEY}`,
        OPENAI_BASE_URL: `${provider.url}/v1`,
        OPENAI_API_KEY: PROVIDER_KEY,
        ASSEMBLYAI_BASE_URL: service.url,
        ASSEMBLYAI_API_KEY: SERVICE_KEY,
        GATEWAY_LOG_CONTENT: content,
        GATEWAY_RETRIES: "0",
        LOG_LEVEL: "trace",
        NODE_OPTIONS: `--import=${preload}`,
        CRASH_WITH: `cannot reach https://me:${PROVIDER_KEY}@host with authorization: Bearer ${CALLER_KEY}`,
      });
      for (const { body, headers } of Object.values(CALLS)) {
        const json = typeof body === "string" ? body : JSON.stringify({ model: "answers", messages: hello, ...body });
        const response = await fetch(`${example.url}/chat/completions`, {
          method: "POST",
          headers: { ...HEADERS, ...headers },
          body: json,
        });
        await response.text();
      }
      example.signal("SIGUSR2");
      const { code, stdout, stderr } = await example.ended;
      assert.equal(code, 1, "it has crashed");
      assert.match(stdout, /"level":60.*cannot reach/);
      assert.equal(stdout.includes("markAsked"), content === "true");
      for (const secret of content === "true" ? SECRETS : [...SECRETS, ...CONTENT]) {
        const at = (stdout + stderr).indexOf(secret);
        assert.equal(at, -1, `${secret} is printed: ${(stdout + stderr).slice(Math.max(0, at - 300), at + 60)}`);
      }
    }
  });
});
