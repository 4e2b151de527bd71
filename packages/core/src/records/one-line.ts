import { redact } from "../secrecy/redact.ts";

/** Text from outside as a field of a record: credentials are masked, it is one line, and at most so long. */
export function oneLine(text: string, maxLength = 256): string {
  const shown = redact(text, [], maxLength);
  return shown.includes("\n") || shown.includes("\t") ? shown.replace(/[\t\n]+/g, " ") : shown;
}
