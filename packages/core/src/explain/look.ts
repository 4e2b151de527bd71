import type { Look } from "./terminal.ts";

const DEFAULT_COLUMNS = 80;
/** In narrower lines no table can be read, and longer ones nobody reads. */
const [FEWEST, MOST] = [50, 160];

/** What a stream shows, as its environment says: `NO_COLOR`, `TERM`, and the locale's character set. */
export function lookOf(
  environment: Readonly<Record<string, string | undefined>>,
  { isTTY = false, columns = DEFAULT_COLUMNS }: { readonly isTTY?: boolean; readonly columns?: number },
): Look {
  const { NO_COLOR, TERM, LC_ALL, LC_CTYPE, LANG, WT_SESSION } = environment;
  const locale = LC_ALL || LC_CTYPE || LANG || "";
  return {
    columns: Math.min(MOST, Math.max(FEWEST, columns)),
    unicode: /utf-?8/i.test(locale) || WT_SESSION !== undefined,
    color: isTTY && !NO_COLOR && TERM !== "dumb",
  };
}
