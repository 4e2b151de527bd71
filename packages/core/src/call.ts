import { type Context, createContext } from "./context.ts";

/** What is known of a call besides its body. */
export interface Call {
  /** The request id: `x-request-id` of the answer, `request_id` in bodies, logs and spans. */
  readonly id: string;
  /** The caller's headers, names in lower case. Never sent to a provider. */
  readonly headers: Readonly<Record<string, string>>;
  /** The caller's address, or `undefined` where the server does not know it. */
  readonly address: string | undefined;
  /** Aborted when the call is over, however it ended. */
  readonly signal: AbortSignal;
  /** Values that layers leave for each other. */
  readonly context: Context;
}

/** Makes a call from what is known; the rest is a new id, no headers, no address, and a signal that never aborts. */
export function createCall(known: Partial<Call> = {}): Call {
  return {
    id: known.id ?? crypto.randomUUID(),
    headers: known.headers ?? {},
    address: known.address,
    signal: known.signal ?? new AbortController().signal,
    context: known.context ?? createContext(),
  };
}

/** 1–128 characters of `[A-Za-z0-9._-]`: what a caller's own request id may look like. */
const REQUEST_ID = /^[A-Za-z0-9._-]{1,128}$/;

/** The caller's own `x-request-id` where it is well formed, else a new one. */
export function requestId(headers: Readonly<Record<string, string>>): string {
  const own = headers["x-request-id"];
  return own !== undefined && REQUEST_ID.test(own) ? own : crypto.randomUUID();
}
