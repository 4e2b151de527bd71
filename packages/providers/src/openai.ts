import {
  begin,
  type Call,
  type ChatRequest,
  type Handler,
  type Model,
  onEnd,
  toGatewayError,
  traceHeaders,
} from "@gatewright/core";
import { Agent, type Dispatcher } from "undici";
import { readAnswer, readModels } from "./answer.ts";
import { NotedAttempt } from "./attempt.ts";
import { parseBase } from "./base-url.ts";
import { refuseGatewayFields } from "./gateway-fields.ts";
import { refuseStructuredOutput } from "./structured-output.ts";
import { send, type Target } from "./upstream.ts";

export interface OpenAIOptions {
  /** Sent as `Authorization: Bearer …`; default none, for services that ask for no key. */
  readonly apiKey?: string | undefined;
  /** Where the API is, up to and with its version; default `https://api.openai.com/v1`. */
  readonly baseUrl?: string | undefined;
  /** What this provider is called in headers, logs and errors; default `openai`. */
  readonly name?: string;
  /** More headers for the provider, such as `openai-organization`. */
  readonly headers?: Readonly<Record<string, string>>;
  /** How large one answer may be, in bytes; default 32 MiB. */
  readonly maxResponseBytes?: number;
  /**
   * Whether a stream is asked for its usage even where the caller did not, so that tokens can be counted; default true.
   * Such a caller gets no chunk of usage; `usage` may be null in the others. `false` is for services that do not know `stream_options`.
   */
  readonly streamUsage?: boolean;
  /**
   * Whether the service can hold its answers to a JSON Schema; default true. With `false` a request that asks for that is
   * refused with a 400, unless `schemaAsInstruction` of `@gatewright/post-process` stands before it.
   */
  readonly structuredOutput?: boolean;
  /**
   * How long a connection may take to open, TLS included, in milliseconds; default 2,500. undici looks every half second,
   * so it may take that much longer. Not for a `dispatcher` of your own.
   */
  readonly connectTimeoutMs?: number;
  /**
   * The undici dispatcher that carries the calls; default an agent of its own that gives up after ten minutes of silence,
   * for pipelines without a `timeout`.
   */
  readonly dispatcher?: Dispatcher;
}

/** A handler that also knows which models it serves: what `gateway` takes as its `models`. */
export interface Provider extends Handler {
  /** Asks the service for its models. Throws a `GatewayError` where it does not tell them. */
  models(call: Call): Promise<readonly Model[]>;
}

/**
 * A provider for OpenAI and every service that speaks its chat completions. Each failure becomes the `GatewayError` that
 * says what happened; each call is added to the call's `attempts`. Nothing of the caller's headers is sent, redirects
 * are not followed, and of the answer's headers none is passed on. Throws a `TypeError` for an option it cannot use.
 * @see https://platform.openai.com/docs/api-reference/chat
 */
export function openai(options: OpenAIOptions = {}): Provider {
  const { name = "openai", apiKey, streamUsage = true, maxResponseBytes = 32 * 1024 * 1024 } = options;
  const { connectTimeoutMs = 2500, structuredOutput = true } = options;
  const { baseUrl = "https://api.openai.com/v1" } = options;
  const sent = { name, apiKey: apiKey ?? "none" };
  for (const [option, value] of Object.entries(sent)) {
    if (!TOKEN.test(value))
      throw new TypeError(`openai: ${option} must be letters, digits and signs, with no white space.`);
  }
  for (const [header, value] of Object.entries(options.headers ?? {})) {
    if (!HEADER_NAME.test(header) || !HEADER_VALUE.test(value)) {
      throw new TypeError(`openai: headers holds one that cannot be sent: ${JSON.stringify(header)}.`);
    }
  }
  if (!(maxResponseBytes > 0)) throw new TypeError("openai: maxResponseBytes must be above 0.");
  if (!(connectTimeoutMs >= 1 && connectTimeoutMs <= MAX_CONNECT_TIMEOUT_MS)) {
    throw new TypeError(`openai: connectTimeoutMs must be a number from 1 to ${MAX_CONNECT_TIMEOUT_MS}.`);
  }
  const target: Target = {
    name,
    url: endpoint(baseUrl, "chat/completions"),
    headers: {
      "content-type": "application/json",
      accept: "application/json, text/event-stream",
      // What is not compressed cannot be a bomb, and events arrive as they are written.
      "accept-encoding": "identity",
      "user-agent": "gatewright",
      ...lowerCase(options.headers ?? {}),
      ...(apiKey !== undefined && { authorization: `Bearer ${apiKey}` }),
    },
    // A short value of a header is a word, not a secret.
    secrets: [apiKey ?? "", ...Object.values(options.headers ?? {}).filter(({ length }) => length >= 8)],
    maxResponseBytes,
    dispatcher: options.dispatcher ?? agent(connectTimeoutMs),
  };

  const listTarget = { ...target, url: endpoint(baseUrl, "models") };

  const complete: Handler = async (request) => {
    refuseGatewayFields(request);
    if (!structuredOutput) refuseStructuredOutput(request, name);
    const { call } = request;
    const attempt = new NotedAttempt(call, name, request.model);
    try {
      const headers = { ...target.headers, ...call.context.get(traceHeaders) };
      const own: Target = { ...target, headers, asked: request };
      const answer = await send(own, call.signal, JSON.stringify(bodyFor(request, streamUsage)));
      attempt.answered(answer.status, answer.requestId);
      const usage = streamUsage || request.stream_options?.include_usage === true;
      const expected = { choices: request.n ?? 1, usage };
      const { chunks, model, whole } = await readAnswer(own, answer, expected, call.signal);
      const reply = await begin({ headers: {}, chunks });
      if (whole) attempt.ended({ usage: whole.usage ?? undefined });
      else attempt.begun();
      const answered = {
        "x-gateway-provider": name,
        "x-gateway-model": TOKEN.exec(model() ?? "")?.[0] ?? request.model,
      };
      if (whole) return { headers: answered, chunks: reply.chunks };
      // What breaks off later has not been the success that it looked like.
      return onEnd({ headers: answered, chunks: reply.chunks }, (end) => attempt.ended(end), call.signal);
    } catch (thrown) {
      // Whatever fails here, nothing of the answer was seen yet.
      const error = toGatewayError(thrown, call.signal).with({ phase: "before" });
      attempt.ended({ error });
      throw error;
    }
  };
  return Object.assign(complete, { models: (call: Call) => readModels(listTarget, call.signal) });
}

const MAX_CONNECT_TIMEOUT_MS = 600_000;

/** How long a service may be silent where no `timeout` ends the call before, in milliseconds. */
const SILENCE_MS = 600_000;

function agent(timeout: number): Agent {
  return new Agent({ connect: { timeout }, headersTimeout: SILENCE_MS, bodyTimeout: SILENCE_MS });
}

/** What can stand in a header as one word, and as a value. */
const TOKEN = /^[\x21-\x7e]{1,4096}$/;
const HEADER_NAME = /^[\w!#$%&'*+.^`|~-]+$/;
const HEADER_VALUE = /^[\x20-\x7e]{1,8192}$/;

function lowerCase(headers: Readonly<Record<string, string>>): Record<string, string> {
  return Object.fromEntries(Object.entries(headers).map(([name, value]) => [name.toLowerCase(), value]));
}

function bodyFor({ call: _, ...body }: ChatRequest, streamUsage: boolean): object {
  if (!body.stream || !streamUsage) return body;
  return { ...body, stream_options: { ...body.stream_options, include_usage: true } };
}

/** The URL of one operation below a base URL. Throws a `TypeError` that says what is wrong with the base. */
function endpoint(baseUrl: string, operation: string): URL {
  const base = parseBase(baseUrl);
  if (!base)
    throw new TypeError("openai: baseUrl must be an http(s) URL without a query, like https://api.openai.com/v1.");
  if (base.username + base.password !== "") {
    throw new TypeError("openai: baseUrl must not hold a user name or a password; use apiKey or headers.");
  }
  return new URL(operation, base);
}
