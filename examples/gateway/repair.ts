import type { Middleware } from "@gatewright/core";

/**
 * Has answers repaired whose format was to be JSON, also where the caller did not ask for that. Valid JSON passes as it is. Tools alone
 * are no such wish: whoever offers them may well be answered in words.
 */
export const repairJson: Middleware = (request, next) => {
  const { response_format: format, post_processing_steps: steps = [] } = request;
  const asksForJson = format?.type === "json_schema" || format?.type === "json_object";
  // What is no list is refused further in.
  if (!asksForJson || !Array.isArray(steps) || steps.some(({ type }) => type === STEP.type)) return next(request);
  return next({ ...request, post_processing_steps: [...steps, STEP] });
};

const STEP = { type: "json-repair" };
