import { type Call, isTranscriptId, type TranscriptSource } from "@gatewright/core";
import { Agent, type Dispatcher } from "undici";
import { readRecord } from "./assembly-ai-record.ts";
import { parseBase } from "./base-url.ts";
import { send } from "./upstream.ts";

export interface AssemblyAIOptions {
  /**
   * The key, sent raw in `Authorization`; or a function that gives the one of a call, for callers with accounts of their own:
   * `undefined` for one that has none, to whom no transcript is there.
   */
  readonly apiKey: string | ((call: Call) => string | undefined | Promise<string | undefined>);
  /** Where the API is, without its version; default `https://api.assemblyai.com`. In the EU: `https://api.eu.assemblyai.com`. */
  readonly baseUrl?: string | undefined;
  /** How large one answer may be, in bytes; default 32 MiB. It holds a record of each word, and is read whole. */
  readonly maxResponseBytes?: number;
  /** The undici dispatcher that carries the calls; default an agent of its own, with 2.5 s to connect. */
  readonly dispatcher?: Dispatcher;
}

/**
 * Transcripts of AssemblyAI, for `injectTranscript`, which sets the time for an answer and waits for what is not ready. Only
 * an id goes into the URL, and nothing of the caller's headers anywhere; redirects are not followed. With one key for all,
 * a caller finds every transcript of that account. Throws a `TypeError` for an option it cannot use.
 * @see https://www.assemblyai.com/docs/api-reference/transcripts/get
 */
export function assemblyAi({
  apiKey,
  baseUrl = "https://api.assemblyai.com",
  maxResponseBytes = 32 * 1024 * 1024,
  dispatcher = new Agent({ connect: { timeout: CONNECT_TIMEOUT_MS } }),
}: AssemblyAIOptions): TranscriptSource {
  if (typeof apiKey !== "function") checkKey(apiKey);
  if (!(maxResponseBytes > 0)) throw new TypeError("assemblyAi: maxResponseBytes must be above 0.");
  const transcripts = endpoint(baseUrl);
  return async (id, call) => {
    // Whoever calls this: nothing but an id comes into a URL.
    if (!isTranscriptId(id)) return undefined;
    const given = typeof apiKey === "function" ? await apiKey(call) : apiKey;
    if (given === undefined) return undefined;
    const key = checkKey(given);
    const target = {
      name: "assemblyai",
      url: new URL(id, transcripts),
      headers: {
        authorization: key,
        accept: "application/json",
        "accept-encoding": "identity",
        "user-agent": "gatewright",
      },
      secrets: [key],
      maxResponseBytes,
      dispatcher,
    };
    return readRecord(id, target, await send(target, call.signal), call.signal);
  };
}

const CONNECT_TIMEOUT_MS = 2500;
/** What can stand in a header as one word. */
const KEY = /^[\x21-\x7e]{1,4096}$/;

function checkKey(key: unknown): string {
  if (typeof key === "string" && KEY.test(key)) return key;
  throw new TypeError("assemblyAi: apiKey must be letters, digits and signs, with no white space, or a function.");
}

/** What the ids of transcripts are below. Throws a `TypeError` that says what is wrong with the base. */
function endpoint(baseUrl: string): URL {
  const base = parseBase(baseUrl);
  if (base?.pathname.endsWith("/v2/")) {
    throw new TypeError("assemblyAi: baseUrl must be without the version: leave out its /v2.");
  }
  if (base && base.username + base.password === "") return new URL("v2/transcript/", base);
  throw new TypeError(
    "assemblyAi: baseUrl must be an http(s) URL without a query or a user, like https://api.assemblyai.com.",
  );
}
