import { addressRule } from "./address.ts";
import { answerHeaders } from "./answer-headers.ts";
import { attempts } from "./attempts.ts";
import { type BodyLimits, readJsonBody } from "./body.ts";
import { type Call, createCall, requestId } from "./call.ts";
import type { ChatReply, ChatRequest, Handler } from "./chat.ts";
import { type Clock, MAX_DELAY_MS, systemClock } from "./clock.ts";
import { collect } from "./collect.ts";
import { compose } from "./compose.ts";
import { type Envelope, type EnvelopeName, envelopes, errorEvent, errorHeaders } from "./envelope.ts";
import { GatewayError, toGatewayError } from "./error.ts";
import { eventStream } from "./event-stream.ts";
import type { HttpReply, HttpRequest } from "./http.ts";
import { listModels, type Models } from "./models.ts";
import { begunInSilence } from "./notes.ts";
import { wholeIn } from "./options.ts";
import { parseChatBody } from "./schema.ts";
import { tell } from "./tell.ts";

export interface GatewayOptions {
  /** What `GET /models` lists; default none. A function may depend on the call, and refuse it. */
  readonly models?: Models;
  /** What callers are shown of an error; default `openai`, which OpenAI's SDKs understand. */
  readonly errors?: EnvelopeName | Envelope;
  /** How large a request body may be, in bytes, before and after decompression; default 10 MiB. */
  readonly maxBodyBytes?: number;
  /** How long a request body may take to arrive, in milliseconds; default 30,000. */
  readonly bodyTimeoutMs?: number;
  /**
   * After how many milliseconds of silence a comment is sent to a caller who waits for a stream; default 15,000. Once
   * one was sent before the answer, a failure can no longer have a status and ends the stream as an event.
   */
  readonly keepAliveMs?: number;
  /** How long a caller may take nothing of its answer before the call is ended, in milliseconds; default 60,000. */
  readonly writeIdleMs?: number;
  /** Asked before the body of a call is read; what it throws refuses the call. `shed()` is one. */
  readonly admit?: (call: Call) => void | Promise<void>;
  /**
   * The proxies in front, by address, by subnet (`10.0.0.0/8`), or `loopback`: what they write into `X-Forwarded-For` is
   * believed, so that a caller's address is its own and not theirs. Default none: the header means nothing.
   */
  readonly trustedProxies?: readonly string[];
  /** Told of every failure of a call, with its cause: the place to see what callers are not shown. */
  readonly onError?: (error: GatewayError, call: Call) => void;
  readonly clock?: Clock;
}

/** A gateway as HTTP: an adapter (`toNode`, `toFetch`, `toExpress`, `toKoa`) puts it on a server. */
export interface Gateway {
  /** How long a caller may take nothing of its answer before an adapter ends its connection, in milliseconds. */
  readonly writeIdleMs: number;
  /** Whether a path below the mount point is the gateway's. A host app answers the others. */
  owns(path: string): boolean;
  /** Answers a request. Never rejects: a failure is an answer. */
  handle(request: HttpRequest): Promise<HttpReply>;
}

/**
 * Makes an HTTP application of a handler: OpenAI's routes, body limits, validation, error envelopes and event streams.
 * Throws a `TypeError` that names the option which cannot be used.
 */
export function gateway(handler: Handler, options: GatewayOptions = {}): Gateway {
  const { models = [], errors = "openai", onError = () => {}, admit = () => {}, clock = systemClock } = options;
  const keepAliveMs = wholeIn("gateway", "keepAliveMs", options.keepAliveMs ?? 15_000, 1, MAX_DELAY_MS);
  const writeIdleMs = wholeIn("gateway", "writeIdleMs", options.writeIdleMs ?? 60_000, 1, MAX_DELAY_MS);
  const limits: BodyLimits = {
    maxBytes: wholeIn("gateway", "maxBodyBytes", options.maxBodyBytes ?? 10 * 1024 * 1024, 1, Number.MAX_SAFE_INTEGER),
    timeoutMs: wholeIn("gateway", "bodyTimeoutMs", options.bodyTimeoutMs ?? 30_000, 1, MAX_DELAY_MS),
    clock,
  };
  const envelope = envelopeFor(errors);
  const addressOf = addressRule(options.trustedProxies ?? []);
  const pipeline = compose([], handler);

  const failure = (thrown: unknown, call: Call, begun = false): GatewayError => {
    const known = toGatewayError(thrown, call.signal);
    const error = known.with({
      attempts: known.attempts.length > 0 ? known.attempts : call.context.get(attempts),
      phase: begun && known.phase === "before" ? "during" : known.phase,
    });
    tell(onError, error, call);
    return error;
  };

  const chat: Route = async (http, call) => {
    await admit(call);
    const request: ChatRequest = { ...parseChatBody(await readJsonBody(http, limits)), call };
    const replying = pipeline(request);
    if (!request.stream) {
      const reply = await replying;
      const completion = await collect(reply);
      return json(200, { ...completion, request_id: call.id }, headersOf(call, reply.headers));
    }
    const reply = await unlessSilent(replying, keepAliveMs, clock);
    if (!reply) call.context.set(begunInSilence, true);
    const body = eventStream(replying, {
      includeUsage: request.stream_options?.include_usage ?? false,
      keepAliveMs,
      clock,
      late: reply === undefined,
      onFailure: (thrown, begun) => errorEvent(envelope, failure(thrown, call, begun), call.id),
    });
    return { status: 200, headers: { ...headersOf(call, reply?.headers), ...STREAM_HEADERS }, body };
  };

  const list: Route = async (_http, call) =>
    json(200, { object: "list", data: await listModels(models, call), request_id: call.id });

  const one: Route = async (http, call) => {
    const id = decodePath(http.path.slice(MODEL_PATH.length));
    const model = (await listModels(models, call)).find((known) => known.id === id);
    if (!model) throw new GatewayError("llm.model.not_found", "There is no such model. GET /models lists them.");
    return json(200, { ...model, request_id: call.id });
  };

  const routes = (path: string): Methods | undefined => {
    if (path === "/chat/completions") return { POST: chat };
    if (path === "/models") return { GET: list, HEAD: list };
    return path.startsWith(MODEL_PATH) && path !== MODEL_PATH ? { GET: one, HEAD: one } : undefined;
  };

  return {
    writeIdleMs,
    owns: (path) => routes(path) !== undefined,
    async handle(http) {
      const address = addressOf(http.address, http.headers);
      const call = createCall({ ...http, address, id: requestId(http.headers) });
      const id = { "x-request-id": call.id };
      try {
        const route = choose(routes(http.path), http.method);
        const reply = await route(http, call);
        return { ...reply, headers: sendable({ ...reply.headers, ...id }) };
      } catch (thrown) {
        const error = failure(thrown, call);
        const { body, contentType } = envelope(error, call.id);
        const headers = { ...headersOf(call, errorHeaders(error)), ...id };
        return json(error.status, body, sendable(headers), contentType);
      }
    },
  };
}

type Route = (http: HttpRequest, call: Call) => Promise<HttpReply>;
type Methods = Readonly<Record<string, Route>>;

const MODEL_PATH = "/models/";

const STREAM_HEADERS = {
  "content-type": "text/event-stream; charset=utf-8",
  "cache-control": "no-cache, no-transform",
  "x-accel-buffering": "no",
};

/** An envelope that always answers: where one's own throws, or gives what is no JSON, the default one speaks. */
function envelopeFor(errors: EnvelopeName | Envelope): Envelope {
  if (typeof errors !== "function") {
    if (Object.hasOwn(envelopes, errors)) return envelopes[errors];
    throw new TypeError(`gateway: errors must be one of ${Object.keys(envelopes).join(", ")}, or a function.`);
  }
  return (error, requestId) => {
    try {
      const shown = errors(error, requestId);
      JSON.stringify(shown.body);
      return shown;
    } catch {
      return envelopes.openai(error, requestId);
    }
  };
}

function choose(methods: Methods | undefined, method: string): Route {
  if (!methods) throw new GatewayError("llm.request.not_found", "There is no such path.");
  const route = Object.hasOwn(methods, method) ? methods[method] : undefined;
  if (route) return route;
  const allow = Object.keys(methods).join(", ");
  throw new GatewayError("llm.request.method_not_allowed", `Use ${allow} here.`, { headers: { allow } });
}

/**
 * Headers that a server will send: what layers put into a value and no header may hold is replaced, and what is no name
 * (RFC 9110, section 5.6.2) is left out.
 */
function sendable(headers: Record<string, string>): Record<string, string> {
  for (const name in headers) {
    if (!NAME.test(name)) delete headers[name];
    const value = headers[name] ?? "";
    if (UNSENDABLE.test(value)) headers[name] = value.replaceAll(new RegExp(UNSENDABLE, "g"), "?");
  }
  return headers;
}

const NAME = /^[\w!#$%&'*+.^`|~-]+$/;
const UNSENDABLE = /[^\t\x20-\x7e]/;

function json(
  status: number,
  body: object,
  headers: Readonly<Record<string, string>> = {},
  contentType = "application/json",
): HttpReply {
  return { status, headers: { ...headers, "content-type": contentType }, body: JSON.stringify(body) };
}

/** The headers of an answer: of the call, and beside them its own. */
function headersOf(call: Call, own: Readonly<Record<string, string>> = {}): Record<string, string> {
  return { ...attemptHeaders(call), ...answerHeaders(call), ...own };
}

/** How many calls of providers were made, and which: `name/model=503, other/model=200`. */
function attemptHeaders({ context }: Call): Record<string, string> {
  const made = context.get(attempts);
  if (made.length === 0) return {};
  const tried = made.slice(0, MAX_TOLD).map(({ provider, model, status, code }) => {
    // What broke off after a 200 is no success.
    const brokeOff = code !== undefined && (status ?? 0) < 400;
    return `${provider}/${model}=${brokeOff ? code : (status ?? "-")}`;
  });
  return { "x-gateway-attempts": String(made.length), "x-gateway-tried": tried.join(", ") };
}

/** Of how many calls of providers a caller is told one by one. */
const MAX_TOLD = 10;

/** The reply, or `undefined` once it has been silent for that long: then the answer begins without it. */
function unlessSilent(replying: Promise<ChatReply>, ms: number, clock: Clock): Promise<ChatReply | undefined> {
  return new Promise((resolve, reject) => {
    const cancel = clock.after(ms, () => resolve(undefined));
    replying.then(resolve, reject).finally(cancel);
  });
}

function decodePath(text: string): string | undefined {
  try {
    return decodeURIComponent(text);
  } catch {
    return undefined;
  }
}
