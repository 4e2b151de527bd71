import { redact } from "@gatewright/core";
import { OTHER } from "./conventions.ts";

/** How long a text from outside may be in a span or a metric, in characters. */
const MAX_CHARS = 128;

/** Text from a caller or a provider, fit for a span: credentials are masked, and it is cut at 128 characters. */
export function shown(text: string): string {
  return redact(text, [], MAX_CHARS);
}

/** The names that were looked at last, and what is shown of them: a model is named at each call, and masking takes time. */
const masked = new Map<string, string>();
const MOST = 1000;

/** The same for a name that comes again and again. */
export function shownName(name: string): string {
  const known = masked.get(name);
  if (known !== undefined) return known;
  const text = shown(name) || OTHER;
  if (masked.size >= MOST) masked.clear();
  if (name.length <= 2 * MAX_CHARS) masked.set(name, text);
  return text;
}
