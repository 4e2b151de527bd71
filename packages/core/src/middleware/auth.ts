import { timingSafeEqual } from "node:crypto";
import { unlessAborted } from "../abort.ts";
import type { Call } from "../call.ts";
import { type Caller, caller } from "../caller.ts";
import type { Middleware } from "../chat.ts";
import { type Clock, MAX_DELAY_MS, systemClock } from "../clock.ts";
import { contextKey } from "../context.ts";
import { GatewayError } from "../error.ts";
import { checkAccess, mayUse } from "../keys/access.ts";
import { indexKeys } from "../keys/by-hash.ts";
import { cachedLookup, type KeyCacheOptions, type KeyLookup, type KeySource } from "../keys/cache.ts";
import { CALLER_FIELDS, readCaller } from "../keys/caller.ts";
import { howToSend, KEY_HEADERS, type KeyHeader, type Presented, presented } from "../keys/header.ts";
import { type ApiKey, hashOf, type KnownKey, MAX_KEY_CHARS, readApiKey } from "../keys/record.ts";
import { numberIn } from "../options.ts";

/**
 * Recognises the caller of a token, a JSON Web Token, and rejects with a `GatewayError` where it cannot:
 * `llm.auth.invalid_key`, or `llm.auth.unavailable`.
 */
export type TokenVerifier = (token: string) => Promise<Caller>;

/** Who may call: `keys`, `tokens` or both. */
export type AuthOptions = AuthSettings &
  (
    | {
        /** The keys that may call, or where to look them up by their SHA-256. */
        readonly keys: readonly ApiKey[] | KeyLookup;
        /** What recognises JSON Web Tokens, sent as `Authorization: Bearer TOKEN`; default nothing. */
        readonly tokens?: TokenVerifier;
      }
    | { readonly keys?: undefined; readonly tokens: TokenVerifier }
  );

interface AuthSettings {
  /** How a key may be sent; default all: `["bearer", "raw", "x-api-key"]`. What is sent otherwise is not looked at. */
  readonly accept?: readonly KeyHeader[];
  /** Where the models of this gateway are, for callers that may use some regions only; default `global`. */
  readonly region?: string;
  /** How long what a look-up answers is kept. */
  readonly cache?: KeyCacheOptions;
  /** How long a look-up may take, in milliseconds; default 2,000. */
  readonly lookupTimeoutMs?: number;
  readonly clock?: Clock;
}

/** The middleware, and the same check for what is not a chat completion. Its functions need no `this`. */
export interface Auth extends Middleware {
  /**
   * Leaves the caller in the call's context: for `gateway`'s `admit` and `models`. Rejects with `llm.auth.missing_key`,
   * `llm.auth.invalid_key` or `llm.auth.unavailable`; await it. The middleware does not do it a second time.
   */
  readonly check: (call: Call) => Promise<void>;
  /** Whether the caller of a call that was checked may use a model: what `GET /models` may show. Regions are not looked at. */
  readonly allows: (call: Call, model: string) => boolean;
}

/**
 * Lets only callers pass whose key or token is known, to the models and regions that they may use. Only the SHA-256 of a
 * key reaches a map, a cache or a look-up. Throws a `TypeError` that names the option, the key and the field at fault.
 */
export function auth({
  keys,
  tokens,
  accept = KEY_HEADERS,
  region = "global",
  cache = {},
  lookupTimeoutMs = 2000,
  clock = systemClock,
}: AuthOptions): Auth {
  numberIn("auth", "lookupTimeoutMs", lookupTimeoutMs, 1, MAX_DELAY_MS);
  if (typeof region !== "string" || region === "") throw new TypeError("auth: region must be a text.");
  if (!Array.isArray(accept) || accept.length === 0 || !accept.every((way) => KEY_HEADERS.includes(way))) {
    throw new TypeError(`auth: accept must be a list of ${KEY_HEADERS.join(", ")}.`);
  }
  if (tokens !== undefined && typeof tokens !== "function") throw new TypeError("auth: tokens must be a function.");
  if (tokens !== undefined && !accept.includes("bearer")) {
    throw new TypeError("auth: accept must hold bearer, as tokens are sent that way.");
  }
  const source = sourceOf(keys, tokens, cache, lookupTimeoutMs, clock);
  /** Whether this very `auth` has recognised the caller of a call. */
  const checked = contextKey("checked by auth", false);

  const byKey = async (key: string, signal: AbortSignal): Promise<Caller> => {
    // Too long for any key: not worth its hash.
    if (key.length > MAX_KEY_CHARS) throw invalidKey();
    const hash = hashOf(key);
    const found = source(hash.toString("hex"));
    // A look-up is shared: a caller that leaves ends its own waiting, and no one else's.
    const known = found instanceof Promise ? await unlessAborted(found, signal) : found;
    // Compared in any case, so that a wrong key is as much work as a good one.
    const same = timingSafeEqual((known ?? NOBODY).hash, hash);
    if (!known || !same) throw invalidKey();
    if (known.disabled) throw invalidKey("The API key is disabled.");
    if (Date.now() >= known.expiresAtMs) throw invalidKey("The API key has expired.");
    return known.caller;
  };

  const recognise = async ({ text, bearer }: Presented, signal: AbortSignal): Promise<Caller> => {
    if (!tokens || !bearer || !text.startsWith("eyJ")) return byKey(text, signal);
    if (text.length > MAX_TOKEN_CHARS) throw invalidKey();
    if (!TOKEN.test(text)) return byKey(text, signal);
    const answered = await unlessAborted(tokens(text), signal);
    return { ...readCaller({ ...answered }, "auth", "the caller of a token", TOKEN_FIELDS), kind: "token" };
  };

  const check = async (call: Call): Promise<void> => {
    const sent = presented(call.headers, accept);
    if (!sent) throw new GatewayError("llm.auth.missing_key", `Send an API key: ${howToSend(accept)}.`);
    call.context.set(caller, await recognise(sent, call.signal));
    call.context.set(checked, true);
  };
  const layer: Middleware = async (request, next) => {
    const { context } = request.call;
    if (!context.get(checked)) await check(request.call);
    const known = context.get(caller);
    // Whoever takes the caller away again takes its rights as well.
    if (!known) throw new GatewayError("llm.auth.missing_key", "The caller of this call is not known any more.");
    checkAccess(known, request, region);
    return next(request);
  };
  const allows = ({ context }: Call, model: string): boolean => {
    const known = context.get(caller);
    return known !== undefined && mayUse(known, model);
  };
  return Object.assign(layer, { check, allows });
}

/** How long a token may be, in characters. */
const MAX_TOKEN_CHARS = 8192;
/** Three parts in base64url, the first of which begins like a JSON object: RFC 7519, section 3.1. */
const TOKEN = /^eyJ[\w-]*\.[\w-]+\.[\w-]*$/;
const TOKEN_FIELDS = [...CALLER_FIELDS, "kind"];

/** Compared with where there is no such key. */
const NOBODY: Pick<KnownKey, "hash"> = { hash: Buffer.alloc(32) };

function invalidKey(message = "The API key is not valid."): GatewayError {
  return new GatewayError("llm.auth.invalid_key", message);
}

function sourceOf(
  keys: readonly ApiKey[] | KeyLookup | undefined,
  tokens: TokenVerifier | undefined,
  cache: KeyCacheOptions,
  lookupTimeoutMs: number,
  clock: Clock,
): KeySource {
  if (typeof keys === "function") return cachedLookup(keys, cache, lookupTimeoutMs, clock);
  if (keys === undefined && tokens !== undefined) return () => undefined;
  if (!Array.isArray(keys) || keys.length === 0) {
    throw new TypeError("auth: keys must be a list of at least one key, or a function that looks one up.");
  }
  const known = indexKeys(keys, "auth", readApiKey);
  return (sha256) => known.get(sha256);
}
