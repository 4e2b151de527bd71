import { checkedLimits, JsonRepairer, type RepairLimits } from "./json-repairer.ts";
import { knownOptions } from "./known-options.ts";
import type { PostProcessStep } from "./step.ts";

/** What is repaired, and how far. */
export interface JsonRepairOptions extends Pick<RepairLimits, "maxChars" | "maxDepth"> {
  /**
   * Whether an answer that was cut, as its finish reason `length` says, is closed where it breaks off; default `false`: it
   * is unrepairable, unless its JSON is complete.
   */
  readonly truncated?: boolean;
}

/**
 * The step `json-repair`: makes each text valid JSON, or says why it cannot. Empty arguments of a tool become `{}`. Throws
 * a `TypeError` for a bad option.
 */
export function jsonRepair(options: JsonRepairOptions = {}): PostProcessStep {
  const { truncated = false, ...given } = knownOptions("jsonRepair", options, ["truncated", "maxChars", "maxDepth"]);
  if (typeof truncated !== "boolean") throw new TypeError("jsonRepair: truncated must be true or false.");
  const limits = checkedLimits("jsonRepair", given);
  return {
    type: "json-repair",
    begin({ kind }) {
      const repairer = new JsonRepairer(kind === "arguments" ? { ...limits, empty: "{}" } : limits);
      return {
        push: (piece) => repairer.push(piece),
        end: (isCut) => repairer.end(isCut ? (truncated ? "cut" : "refuse") : "stop"),
        get failure() {
          return repairer.failure;
        },
      };
    },
  };
}
