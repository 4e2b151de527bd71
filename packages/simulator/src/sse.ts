import type { Directives } from "./directives.ts";

/** How events are written: makes the text of an event of the given data, and of the given type if there is one. */
export function framing(directives: Directives): (data: string, type?: string) => string {
  const end = directives.crlf ? "\r\n" : directives.cr ? "\r" : "\n";
  const field = directives.nospace ? "data:" : "data: ";
  const comment = directives.comments ? `: a comment${end}${end}` : "";
  return (data, type) => {
    // A line break between two tokens of JSON is white space, so the data stays what it was.
    const lines = directives.multiline ? data.replace(/^\{/, `{${end}${field}`) : data;
    return `${comment}${type ? `event: ${type}${end}` : ""}${field}${lines}${end}${end}`;
  };
}
