import { type Issue, invalidRequest } from "@gatewright/core";
import { isObject } from "./schema/json.ts";
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
    throw invalidRequest([{ path: "post_processing_steps", message: `must be a list of up to ${MAX_STEPS} steps` }]);
  }
  const issues: Issue[] = [];
  const steps = value.flatMap((entry: unknown, index) => {
    const path = `post_processing_steps[${index}]`;
    if (!isObject(entry)) {
      issues.push({ path, message: 'must be an object such as { "type": "json-repair" }' });
      return [];
    }
    for (const name of Object.keys(entry).filter((field) => field !== "type")) {
      issues.push({ path: `${path}.${name.slice(0, 64)}`, message: "there is no such field; known is type" });
    }
    const { type } = entry;
    const step = typeof type === "string" ? known.get(type) : undefined;
    if (!step) issues.push({ path: `${path}.type`, message: `must be one of ${[...known.keys()].join(", ")}` });
    return step ? [step] : [];
  });
  if (issues.length > 0) throw invalidRequest(issues);
  return steps;
}
