import { GatewayError, type Issue } from "@gatewright/core";

/** One thing that is wrong with an answer. */
export interface Fault extends Issue {
  readonly kind: "json" | "schema" | "arguments";
}

const CODES = {
  json: "llm.output.invalid_json",
  schema: "llm.output.schema_mismatch",
  arguments: "llm.output.invalid_tool_arguments",
} as const;

/** What is said of an answer that was cut. */
const CUTS: ReadonlyMap<string, string> = new Map([
  ["length", " The answer was cut: it has as many tokens as it may have. Ask for more with max_completion_tokens."],
  ["content_filter", " The answer was cut by a content filter."],
]);

/** How many failing paths are told at the most. */
const MAX_FAULTS = 20;

/**
 * The error of an answer that does not match, with every failing path. `reason` is why the
 * model stopped, `cause` holds what it said.
 */
export function outputError(
  faults: readonly Fault[],
  { reason = "", cause }: { readonly reason?: string; readonly cause: Error },
): GatewayError {
  const told = faults.slice(0, MAX_FAULTS);
  const kind = told.some((fault) => fault.kind === "arguments") ? "arguments" : (told[0]?.kind ?? "schema");
  const issues = told.map(({ path, message }): Issue => ({ path, message }));
  const first = issues.map(({ path, message }) => `${path} ${message}`).join("; ");
  const message = `The model's answer does not match: ${first}.${CUTS.get(reason) ?? ""}`;
  return new GatewayError(CODES[kind], message, { issues, cause });
}
