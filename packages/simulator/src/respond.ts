import type { Head, Step } from "./step.ts";

/** A whole JSON response. */
export function* json(status: number, headers: Head["headers"], text: string): Generator<Step> {
  yield {
    kind: "head",
    status,
    headers: { ...headers, "content-type": "application/json", "content-length": String(Buffer.byteLength(text)) },
  };
  yield text;
}

/** The head of a response whose length is not known beforehand. */
export function open(status: number, headers: Head["headers"], type = "application/json"): Head {
  return { kind: "head", status, headers: { ...headers, "content-type": type } };
}
