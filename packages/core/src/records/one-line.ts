import { RecentMap } from "../recent-map.ts";
import { redact } from "../secrecy/redact.ts";

/** As long as a name may be. */
const MAX_NAME = 256;

/** Text from outside as a field of a record: credentials are masked, it is one line, and at most so long. */
export function oneLine(text: string, maxLength: number = MAX_NAME): string {
  const shown = redact(text, [], maxLength);
  return shown.includes("\n") || shown.includes("\t") ? shown.replace(/[\t\n]+/g, " ") : shown;
}

/** The same for names, of which the same few come with every call: looking for credentials in them takes time. */
export function oneLineName(name: string): string {
  if (name.length > MAX_NAME) return oneLine(name);
  const known = names.get(name);
  if (known !== undefined) return known;
  const shown = oneLine(name);
  names.set(name, shown);
  return shown;
}

/** Names that came lately, and what is shown of them. */
const names = new RecentMap<string>(2000);
