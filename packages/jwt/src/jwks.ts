import { GatewayError } from "@gatewright/core";
import { createLocalJWKSet, createRemoteJWKSet, customFetch, errors, type JWTVerifyGetKey } from "jose";

const TIMEOUT_MS = 5000;
/** For how long fetched keys are used without asking again. */
const MAX_AGE_MS = 10 * 60_000;
/** For how long they are still used where they cannot be fetched. */
const STALE_MS = 60 * 60_000;
/** An unknown key id makes a fetch at most this often, and so does a fetch that failed. */
const COOL_DOWN_MS = 30_000;
const REST_MS = 1000;
/** How large a key set may be, in bytes. */
const MAX_BYTES = 1024 * 1024;

/**
 * The keys of an issuer, fetched from its URL when first needed. Rejects with `llm.auth.unavailable` where they cannot be
 * had, with an error of jose's where the token is at fault.
 */
export function remoteKeys(url: URL): JWTVerifyGetKey {
  let failed: { readonly error: unknown; readonly until: number } | undefined;
  let kept: { readonly keys: JWTVerifyGetKey; readonly until: number } | undefined;

  const remote = createRemoteJWKSet(url, {
    timeoutDuration: TIMEOUT_MS,
    cooldownDuration: COOL_DOWN_MS,
    cacheMaxAge: MAX_AGE_MS,
    [customFetch]: async (href, options) => {
      // While the issuer fails, not every token is to make a fetch.
      if (failed && Date.now() < failed.until) throw failed.error;
      try {
        const response = await fetch(href, options);
        if (response.status !== 200) throw new Error(`The key set was answered with ${response.status}.`);
        const text = await readText(response);
        kept = { keys: createLocalJWKSet(JSON.parse(text)), until: Date.now() + MAX_AGE_MS + STALE_MS };
        failed = undefined;
        return new Response(text);
      } catch (error) {
        failed = { error, until: Date.now() + REST_MS };
        throw error;
      }
    },
  });

  return async (header, token) => {
    try {
      return await remote(header, token);
    } catch (cause) {
      if (isOfToken(cause)) throw cause;
      if (kept && Date.now() < kept.until) {
        // A key that is not among the old ones may be among the new ones.
        const old = await Promise.resolve(kept.keys(header, token)).catch(() => undefined);
        if (old) return old;
      }
      throw unavailable(cause);
    }
  };
}

/** Whether the token is at fault: it names no key of the set, more than one, or an algorithm of no such key. */
function isOfToken(error: unknown): boolean {
  return (
    error instanceof errors.JWKSNoMatchingKey ||
    error instanceof errors.JWKSMultipleMatchingKeys ||
    error instanceof errors.JOSENotSupported
  );
}

async function readText(response: Response): Promise<string> {
  const decoder = new TextDecoder();
  let text = "";
  let size = 0;
  for await (const piece of response.body ?? []) {
    size += piece.length;
    if (size > MAX_BYTES) throw new Error(`The key set has more than ${MAX_BYTES} bytes.`);
    text += decoder.decode(piece, { stream: true });
  }
  return text + decoder.decode();
}

function unavailable(cause: unknown): GatewayError {
  const message = "Tokens cannot be checked at the moment. Send the call again in a moment.";
  return new GatewayError("llm.auth.unavailable", message, { retryAfterMs: REST_MS, cause });
}
