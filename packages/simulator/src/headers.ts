import type { Directives } from "./directives.ts";

/**
 * The headers of every answer: what OpenAI and the network before it send, most of which a gateway should keep to
 * itself, and what the directives add.
 */
export function headersFor(id: string, directives: Directives): Record<string, string> {
  const headers: Record<string, string> = {
    "x-request-id": `req_${id}`,
    "openai-version": "2020-10-01",
    "openai-organization": "org-simulator",
    "openai-processing-ms": String(directives.delay ?? 1),
    "x-ratelimit-remaining-requests": "9999",
    server: "cloudflare",
    "cf-ray": `${id.slice(0, 16)}-FRA`,
    "set-cookie": `__cf_bm=${id}; path=/; HttpOnly; Secure; SameSite=None`,
  };
  const { "retry-after": retryAfter, "retry-after-ms": retryAfterMs, "should-retry": shouldRetry } = directives;
  if (retryAfter !== undefined) headers["retry-after"] = retryAfterValue(retryAfter);
  if (retryAfterMs !== undefined) headers["retry-after-ms"] = retryAfterMs;
  if (shouldRetry !== undefined) headers["x-should-retry"] = shouldRetry;
  if (directives.headers !== undefined) addFiller(headers, directives.headers);
  return headers;
}

function retryAfterValue(value: string): string {
  if (value === "past") return "Wed, 21 Oct 2015 07:28:00 GMT";
  if (value === "soon") return new Date(Date.now() + 2000).toUTCString();
  if (value === "future") return new Date(Date.now() + 3_600_000).toUTCString();
  return value;
}

/** Adds `length` bytes of header lines, line ends included; the last one may be some bytes longer. */
function addFiller(headers: Record<string, string>, length: number): void {
  for (let left = length, i = 0; left > 0; i++) {
    const name = `x-filler-${i}`;
    const value = "x".repeat(Math.max(1, Math.min(left, 1000) - name.length - 4));
    headers[name] = value;
    left -= name.length + value.length + 4;
  }
}
