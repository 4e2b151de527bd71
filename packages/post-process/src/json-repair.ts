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
  whole("maxChars", maxChars, 64 * 1024 * 1024);
  whole("maxDepth", maxDepth, 1000);
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

function whole(option: string, value: number, most: number): void {
  if (Number.isInteger(value) && value >= 1 && value <= most) return;
  throw new TypeError(`jsonRepair: ${option} must be a whole number from 1 to ${most}, not ${String(value)}.`);
}
