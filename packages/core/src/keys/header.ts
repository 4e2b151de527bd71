import { invalidRequest } from "../error.ts";

/** A way to send a key: `Authorization: Bearer KEY`, `Authorization: KEY`, `X-API-Key: KEY`. */
export type KeyHeader = "bearer" | "raw" | "x-api-key";

/** All of them. */
export const KEY_HEADERS: readonly KeyHeader[] = ["bearer", "raw", "x-api-key"];

/** What a caller sent as its key or token. */
export interface Presented {
  readonly text: string;
  readonly bearer: boolean;
}

/**
 * What the headers carry in an accepted way, or `undefined` where they carry nothing. Throws `llm.request.invalid` where
 * two headers carry different things.
 */
export function presented(
  headers: Readonly<Record<string, string>>,
  accept: readonly KeyHeader[],
): Presented | undefined {
  const authorization = (headers.authorization ?? "").trim();
  // The scheme is of any case, as RFC 9110, section 11.1, has it.
  const bearer = /^bearer(?!\S)/i.test(authorization);
  const bare = bearer ? authorization.slice("bearer".length).trim() : authorization;
  const first = accept.includes(bearer ? "bearer" : "raw") ? bare : "";
  const second = accept.includes("x-api-key") ? (headers["x-api-key"] ?? "").trim() : "";
  if (first !== "" && second !== "" && first !== second) {
    throw invalidRequest([{ path: "X-API-Key", message: "differs from the key in Authorization: send one of them" }]);
  }
  if (first !== "") return { text: first, bearer };
  return second === "" ? undefined : { text: second, bearer: false };
}

/** How to send a key, in words for a caller that sent none. */
export function howToSend(accept: readonly KeyHeader[]): string {
  const ways = { bearer: "Authorization: Bearer KEY", raw: "Authorization: KEY", "x-api-key": "X-API-Key: KEY" };
  return accept.map((way) => ways[way]).join(", or ");
}
