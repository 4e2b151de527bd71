/** An HTTP request as an adapter hands it to a gateway: plain values, no framework's object. */
export interface HttpRequest {
  readonly method: string;
  /** The path below the mount point as it was sent, without the query: `/chat/completions`. */
  readonly path: string;
  /** Names in lower case. */
  readonly headers: Readonly<Record<string, string>>;
  /** The address of the peer, where the server knows it. */
  readonly address: string | undefined;
  /** Aborted by the adapter when the call is over: answered, failed, or given up by the caller. */
  readonly signal: AbortSignal;
  readonly body: ParsedBody | UnreadBody;
}

/** A body that the host app has read and parsed already. */
export interface ParsedBody {
  readonly parsed: unknown;
}

/** A body that is still to be read. */
export interface UnreadBody {
  /** Reads it whole. Rejects with a `BodyTooLargeError` past `maxBytes`, and when `signal` aborts. */
  read(maxBytes: number, signal: AbortSignal): Promise<Uint8Array>;
}

/** What `UnreadBody.read` rejects with past its limit. */
export class BodyTooLargeError extends Error {
  override readonly name = "BodyTooLargeError";
}

/** What an adapter is to send. */
export interface HttpReply {
  readonly status: number;
  /** Names in lower case. */
  readonly headers: Readonly<Record<string, string>>;
  /**
   * The whole body, or its pieces as they come. An adapter always reads the pieces, to their end or until the caller
   * is gone; then it ends the iteration. Pieces are of an event stream, each of them whole events. Where the iteration throws, the connection is broken off after what came.
   */
  readonly body: string | AsyncIterable<string>;
}

/** Reads the first piece of a reply that nobody waits for, so that ending the iteration ends what is behind it. */
export async function abandon(reply: HttpReply): Promise<void> {
  if (typeof reply.body === "string") return;
  for await (const _ of reply.body) return;
}
