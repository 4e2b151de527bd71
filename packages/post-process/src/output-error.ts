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

/** How many failing paths are told at the most. */
const MAX_FAULTS = 20;

/**
 * The error of an answer that does not match, with every failing path. `cut`: the model stopped in the middle of it. `cause`
 * holds what it said.
 */
export function outputError(
  faults: readonly Fault[],
  { cut = false, cause }: { readonly cut?: boolean; readonly cause: Error },
): GatewayError {
  const told = faults.slice(0, MAX_FAULTS);
  const kind = told.some((fault) => fault.kind === "arguments") ? "arguments" : (told[0]?.kind ?? "schema");
  const issues = told.map(({ path, message }): Issue => ({ path, message }));
  const first = issues.map(({ path, message }) => `${path} ${message}`).join("; ");
  const why = cut
    ? " The answer was cut: it has as many tokens as it may have. Ask for more with max_completion_tokens."
    : "";
  return new GatewayError(CODES[kind], `The model's answer does not match: ${first}.${why}`, { issues, cause });
}
