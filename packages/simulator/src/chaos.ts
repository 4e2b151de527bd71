/** What `chaos` picks from: on any call faults that another try may cure, and in a stream those that cut it short. */
export const chaosFaults: { readonly any: readonly string[]; readonly stream: readonly string[] } = {
  any: [
    "status=429+retry-after-ms=20",
    "status=500",
    "status=503",
    "status=529",
    "html",
    "empty",
    "invalid-json",
    "error-in-200",
    "truncate",
    "reset",
    "close",
    "bad-status-line",
  ],
  stream: ["error-event=0", "cut=0", "cut=2", "cut-line=2", "malformed=2", "error-event=2", "reset=2", "close=2"],
};
