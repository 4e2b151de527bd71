import { createHash, timingSafeEqual } from "node:crypto";
import type { Call } from "../call.ts";
import { type Caller, caller } from "../caller.ts";
import type { Middleware } from "../chat.ts";
import { GatewayError } from "../error.ts";

/** Who may call. */
export interface AuthOptions {
  /** The keys that may call. Only their SHA-256 is kept. */
  readonly keys: readonly ApiKey[];
}

/** A key, and whose it is. */
export interface ApiKey {
  /** Who calls with it: what later layers and logs know the caller by. */
  readonly name: string;
  /** The secret. Make it of 16 random bytes at least: only then is its hash as good as the key is secret. */
  readonly key: string;
}

/** The middleware, and the same check for what is not a chat completion (`GET /models`). */
export interface Auth extends Middleware {
  /** Leaves the caller in the call's context. Throws `llm.auth.missing_key` or `llm.auth.invalid_key`. */
  check(call: Call): void;
}

/**
 * Lets only callers with a known key pass: `Authorization: Bearer KEY`, `Authorization: KEY` or `X-API-Key: KEY`.
 * Throws a `TypeError` for no keys at all, an empty one, or a name or key that is given twice.
 */
export function auth({ keys }: AuthOptions): Auth {
  const callers = new Map<string, { readonly hash: Buffer; readonly caller: Caller }>();
  for (const { name, key } of keys) {
    if (key === "") throw new TypeError(`auth: the key of "${name}" is empty.`);
    const hash = digest(key);
    if (callers.has(hash.toString("hex"))) throw new TypeError(`auth: the key of "${name}" is given twice.`);
    callers.set(hash.toString("hex"), { hash, caller: { name } });
  }
  if (callers.size === 0) throw new TypeError("auth: keys must hold at least one key.");
  if (new Set(keys.map(({ name }) => name)).size < keys.length) throw new TypeError("auth: a name is given twice.");

  const check = (call: Call): void => {
    const key = presented(call.headers);
    if (key === undefined) {
      throw new GatewayError("llm.auth.missing_key", "Send an API key: Authorization: Bearer KEY, or X-API-Key: KEY.");
    }
    // Looked up by its hash: how long that takes says nothing about any key.
    const hash = digest(key);
    const known = callers.get(hash.toString("hex"));
    if (!known || !timingSafeEqual(known.hash, hash)) {
      throw new GatewayError("llm.auth.invalid_key", "The API key is not valid.");
    }
    call.context.set(caller, known.caller);
  };
  const layer: Middleware = async (request, next) => {
    check(request.call);
    return next(request);
  };
  return Object.assign(layer, { check });
}

function digest(key: string): Buffer {
  return createHash("sha256").update(key).digest();
}

/** The key that the headers carry. Two that differ are as good as none that is valid. */
function presented(headers: Readonly<Record<string, string>>): string | undefined {
  const authorization = headers.authorization?.replace(/^bearer(?: +|$)/i, "").trim();
  const apiKey = headers["x-api-key"]?.trim();
  if (authorization && apiKey && authorization !== apiKey) {
    throw new GatewayError("llm.auth.invalid_key", "Authorization and X-API-Key hold different keys: send one.");
  }
  return authorization || apiKey || undefined;
}
