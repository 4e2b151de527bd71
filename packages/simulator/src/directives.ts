/** What a directive is: the values it takes (any of the named kinds), what it does, and where it makes sense. */
export interface DirectiveRule {
  /** How the value is called in the table. */
  readonly value?: string;
  /** May stand without a value. */
  readonly bare?: true;
  /** Takes a whole number between these two. */
  readonly range?: readonly [number, number];
  /** Takes a probability from 0 to 1. */
  readonly share?: true;
  /** Takes one of these words. */
  readonly words?: readonly string[];
  /** Takes up to 200 printable ASCII characters. */
  readonly text?: true;
  /** Is refused on the other kind of call. */
  readonly only?: "stream" | "json";
  readonly does: string;
}

const answerDirectives = {
  words: { value: "N", range: [1, 1_000_000], does: "The answer is N words, the same ones for the same seed." },
  chunks: { value: "N", range: [1, 1_000_000], does: "The same; as a stream, exactly N content chunks." },
  bytes: { value: "N", range: [1, 67_108_864], does: "The answer is one word of N bytes, in one chunk." },
  tool: { value: "N", bare: true, range: [1, 16], does: "Calls the request's first tool, or N tools at once." },
  json: { bare: true, does: "The answer is JSON, as if response_format had asked for it." },
  reasoning: { value: "N", range: [1, 100_000], does: "N words of reasoning_content come before the answer." },
  refusal: { bare: true, does: "The model refuses: a refusal instead of content." },
  finish: {
    words: ["stop", "length", "content_filter", "tool_calls"],
    does: "Sets the finish reason.",
  },
} as const;

const streamDirectives = {
  delay: { value: "MS", range: [0, 3_600_000], does: "Waits before the first byte of the response." },
  first: { value: "MS", range: [0, 3_600_000], does: "Waits between the headers and the body." },
  pace: { value: "MS", range: [0, 3_600_000], does: "Waits between two content chunks." },
  split: {
    value: "N",
    range: [1, 65_536],
    does: "Writes the stream in pieces of N bytes, through events and characters.",
  },
  crlf: { bare: true, does: "Ends lines with CR LF." },
  cr: { bare: true, does: "Ends lines with CR." },
  bom: { bare: true, does: "Starts with a byte order mark." },
  comments: { bare: true, does: "Puts a comment before every event." },
  nospace: { bare: true, does: "Leaves out the space after `data:`." },
  multiline: { bare: true, does: "Spreads every event over two data lines." },
  nodone: { bare: true, does: "Ends without `[DONE]`." },
  norole: { bare: true, does: "Sends no role." },
  noindex: { bare: true, does: "Sends tool calls without index." },
} as const;

const errorDirectives = {
  status: {
    value: "CODE",
    range: [200, 599],
    does: "Answers with this status; from 300 with the error OpenAI gives it.",
  },
  code: { value: "TEXT", text: true, does: "Sets the error's code, as in `status=429+code=insufficient_quota`." },
  "retry-after": {
    value: "TEXT",
    text: true,
    does: "Sends retry-after; `past`, `soon` (2 s) and `future` (1 h) send a date.",
  },
  "retry-after-ms": { value: "MS", text: true, does: "Sends retry-after-ms." },
  "should-retry": { words: ["true", "false"], does: "Sends x-should-retry." },
  redirect: {
    value: "URL",
    bare: true,
    text: true,
    does: "Redirects, unless told otherwise to http://169.254.169.254/.",
  },
} as const;

const bodyDirectives = {
  html: { bare: true, does: "An HTML page, with status 502 or the one given." },
  empty: { bare: true, does: "200 without a body." },
  "invalid-json": { bare: true, does: "200 with a body that is not JSON." },
  "not-a-completion": { bare: true, does: "200 with JSON of another shape." },
  "error-in-200": { bare: true, does: "200 with an error object." },
  "error-status": {
    value: "CODE",
    range: [400, 599],
    does: "The kind of error in `error-in-200` and `error-event`; else 500.",
  },
  "json-for-stream": { bare: true, only: "stream", does: "A JSON completion although a stream was asked for." },
  "sse-for-json": { bare: true, only: "json", does: "A stream although none was asked for." },
  truncate: { bare: true, does: "Promises a longer body than it sends, then closes." },
  endless: { bare: true, does: "A body that does not end (before 1 GiB)." },
  gzip: { words: ["corrupt", "bomb", "stacked"], does: "Damaged gzip; 128 MiB from 130 KB; gzip in gzip, six deep." },
  usage: {
    words: ["none", "strings", "always", "early"],
    does: "No usage; numbers as strings; unasked; before the content.",
  },
  "broken-json": { bare: true, does: "JSON content or tool arguments unquoted and cut short." },
  "fenced-json": { bare: true, does: "JSON content inside a Markdown fence." },
} as const;

const connectionDirectives = {
  reset: { value: "N", bare: true, range: [0, 1_000_000], does: "TCP reset before the response, or after N chunks." },
  close: {
    value: "N",
    bare: true,
    range: [0, 1_000_000],
    does: "Closes before the response, or within it after N chunks.",
  },
  stall: {
    value: "N",
    bare: true,
    words: ["headers", "first"],
    range: [0, 1_000_000],
    does: "Silence until the client leaves: from the start (also `headers`), after the headers, or after N chunks.",
  },
  "early-hints": { bare: true, does: "A 103 before the response." },
  headers: { value: "N", range: [1, 1_048_576], does: "N more bytes of response headers." },
  "bad-status-line": { bare: true, does: "A response that does not start like HTTP." },
  "bad-header": { bare: true, does: "A response with a malformed header line." },
  unsolicited: { bare: true, does: "A second response after the first, which nobody asked for." },
  "keep-open": { bare: true, only: "stream", does: "Does not end the response after `[DONE]`." },
  "after-done": { bare: true, only: "stream", does: "One more chunk after `[DONE]`." },
} as const;

const midStreamDirectives = {
  cut: { value: "N", range: [0, 1_000_000], does: "Ends cleanly after N chunks: no finish reason, no `[DONE]`." },
  "cut-line": { value: "N", range: [0, 1_000_000], only: "stream", does: "Ends with half a line after N chunks." },
  malformed: { value: "N", range: [0, 1_000_000], only: "stream", does: "An event that is not JSON after N chunks." },
  "error-event": {
    value: "N",
    range: [0, 1_000_000],
    only: "stream",
    does: "An error event after N chunks, then the end.",
  },
  "no-choices": { value: "N", range: [0, 1_000_000], only: "stream", does: "A chunk without choices after N chunks." },
  "unknown-event": {
    value: "N",
    range: [0, 1_000_000],
    only: "stream",
    does: "An event of an unknown type after N chunks.",
  },
  "duplicate-start": { bare: true, only: "stream", does: "The start of another answer after the first chunk." },
  "long-line": {
    value: "N",
    range: [1, 1_073_741_824],
    only: "stream",
    does: "After one chunk a line of N bytes that does not end.",
  },
  pings: { bare: true, only: "stream", does: "Comments every `pace` ms (at least 5), and never a chunk." },
  trickle: { value: "MS", range: [1, 3_600_000], only: "stream", does: "A chunk every MS, without end." },
} as const;

const whenDirectives = {
  times: { value: "N", range: [1, 1_000_000], does: "Faults only in the first N calls with this exact model name." },
  chance: { value: "P", share: true, does: "Faults with probability P, the same calls for the same seed." },
  chaos: { value: "P", share: true, does: "With probability P, a fault picked from the list below." },
} as const;

type Rules = typeof answerDirectives &
  typeof streamDirectives &
  typeof errorDirectives &
  typeof bodyDirectives &
  typeof connectionDirectives &
  typeof midStreamDirectives &
  typeof whenDirectives;

type ValueOf<Rule> =
  | (Rule extends { bare: true } ? true : never)
  | (Rule extends { range: readonly [number, number] } ? number : never)
  | (Rule extends { share: true } ? number : never)
  | (Rule extends { words: readonly (infer Word)[] } ? Word : never)
  | (Rule extends { text: true } ? string : never);

/** The directives of one call, read and checked. */
export type Directives = { readonly [Name in keyof Rules]?: ValueOf<Rules[Name]> };

export interface DirectiveGroup {
  readonly title: string;
  /** Whether `times` and `chance` say when these happen. */
  readonly faults: boolean;
  readonly rules: Readonly<Record<string, DirectiveRule>>;
}

/** Every directive there is, in the order of the documentation. */
export const directiveGroups: readonly DirectiveGroup[] = [
  { title: "The answer", faults: false, rules: answerDirectives },
  { title: "Pace and form of the stream", faults: false, rules: streamDirectives },
  { title: "Faults: errors", faults: true, rules: errorDirectives },
  { title: "Faults: bodies", faults: true, rules: bodyDirectives },
  { title: "Faults: connection", faults: true, rules: connectionDirectives },
  { title: "Faults: within the answer", faults: true, rules: midStreamDirectives },
  { title: "When there are faults", faults: false, rules: whenDirectives },
];
