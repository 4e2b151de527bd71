import { GatewayError, type Issue } from "@gatewright/core";
import type { PostProcessStep } from "./step.ts";

/** How many steps a request may ask for. */
const MAX_STEPS = 8;

/**
 * The steps that `post_processing_steps` names, in order. Throws `llm.request.invalid` that names every failing field, and
 * the steps that there are.
 */
export function readSteps(value: unknown, known: ReadonlyMap<string, PostProcessStep>): readonly PostProcessStep[] {
  if (value === undefined || value === null) return [];
  if (!Array.isArray(value) || value.length > MAX_STEPS) {
    throw invalid([{ path: "post_processing_steps", message: `must be a list of up to ${MAX_STEPS} steps` }]);
  }
  const issues: Issue[] = [];
  const steps = value.flatMap((entry: unknown, index) => {
    const path = `post_processing_steps[${index}]`;
    if (typeof entry !== "object" || entry === null || Array.isArray(entry)) {
      issues.push({ path, message: 'must be an object such as { "type": "json-repair" }' });
      return [];
    }
    for (const name of Object.keys(entry).filter((field) => field !== "type")) {
      issues.push({ path: `${path}.${name.slice(0, 64)}`, message: "there is no such field; known is type" });
    }
    const type: unknown = Object.entries(entry).find(([name]) => name === "type")?.[1];
    const step = typeof type === "string" ? known.get(type) : undefined;
    if (!step) issues.push({ path: `${path}.type`, message: `must be one of ${[...known.keys()].join(", ")}` });
    return step ? [step] : [];
  });
  if (issues.length > 0) throw invalid(issues);
  return steps;
}

/** As many failing fields as core tells at the most. */
const MAX_ISSUES = 20;

function invalid(found: readonly Issue[]): GatewayError {
  const issues = found.slice(0, MAX_ISSUES);
  const message = issues.map((issue) => `${issue.path}: ${issue.message}`).join("; ");
  return new GatewayError("llm.request.invalid", message, { issues });
}
