/** Something that the simulator does wrong, or right but seldom. */
export interface Fault {
  readonly group: "status" | "body" | "connection" | "silence" | "middle";
  /** The simulator's directives for it. */
  readonly directives: string;
  /** The only kind of call it is for. */
  readonly only?: "stream" | "completion";
  /** What it makes of an answer's text, where it is the model that errs and not its provider. */
  readonly says?: (text: string) => string;
}

const statuses = [
  ...["400", "401", "404", "408", "409", "413", "422", "500", "503", "529"],
  ...["429+retry-after-ms=20", "429+retry-after=1", "429+retry-after=future", "429+code=insufficient_quota"],
  ...["500+should-retry=false", "400+should-retry=true", "503+retry-after=past"],
].map((status) => `status=${status}`);

const bodies = [
  ...["html", "html+status=200", "empty", "invalid-json", "not-a-completion", "error-in-200", "truncate", "endless"],
  ...["error-in-200+error-status=429", "gzip=corrupt", "gzip=bomb", "gzip=stacked"],
  ...["usage=none", "usage=strings", "usage=always", "usage=early"],
];

const connections = [
  ...["reset", "reset=2", "reset=999999", "close", "close=2", "close=999999", "early-hints", "headers=1000"],
  ...["headers=40000", "bad-status-line", "bad-header", "unsolicited"],
];

const silences = ["stall", "stall=headers", "stall=first", "stall=2"];
const endlessly = ["pings", "trickle=20"];

const cuts = ["cut=0", "cut=2", "cut=999999"];

const events = [
  ...["cut-line=2", "malformed=0", "malformed=2", "error-event=0", "error-event=2", "error-event=999999"],
  ...["error-event=2+error-status=429", "no-choices=2", "unknown-event=2", "duplicate-start", "long-line=3000000"],
];

/** Every kind of fault that the simulator knows. */
export const faults: readonly Fault[] = [
  ...[...statuses, "redirect"].map((directives): Fault => ({ group: "status", directives })),
  ...bodies.map((directives): Fault => ({ group: "body", directives })),
  { group: "body", directives: "json-for-stream", only: "stream" },
  { group: "body", directives: "sse-for-json", only: "completion" },
  { group: "body", directives: "broken-json", says: (text) => `{answer:${JSON.stringify(text)}` },
  {
    group: "body",
    directives: "fenced-json",
    says: (text) => `\`\`\`json\n{"answer":${JSON.stringify(text)}}\n\`\`\``,
  },
  ...connections.map((directives): Fault => ({ group: "connection", directives })),
  { group: "connection", directives: "keep-open", only: "stream" },
  { group: "connection", directives: "after-done", only: "stream" },
  ...silences.map((directives): Fault => ({ group: "silence", directives })),
  ...endlessly.map((directives): Fault => ({ group: "silence", directives, only: "stream" })),
  ...cuts.map((directives): Fault => ({ group: "middle", directives })),
  ...events.map((directives): Fault => ({ group: "middle", directives, only: "stream" })),
];
