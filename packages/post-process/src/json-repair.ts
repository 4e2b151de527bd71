import { wholeIn } from "@gatewright/core";
import { JsonRepairer, type RepairLimits } from "./json-repairer.ts";
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
export function jsonRepair({
  truncated = false,
  maxChars = 4 * 1024 * 1024,
  maxDepth = 100,
}: JsonRepairOptions = {}): PostProcessStep {
  if (typeof truncated !== "boolean") throw new TypeError("jsonRepair: truncated must be true or false.");
  wholeIn("jsonRepair", "maxChars", maxChars, 1, 64 * 1024 * 1024);
  wholeIn("jsonRepair", "maxDepth", maxDepth, 1, 1000);
  return {
    type: "json-repair",
    begin({ kind }) {
      const empty = kind === "arguments" ? { empty: "{}" } : {};
      const repairer = new JsonRepairer({ maxChars, maxDepth, ...empty });
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
