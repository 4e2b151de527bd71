import type { Middleware } from "@gatewright/core";

/** Has answers repaired that were asked for as JSON, also where the caller did not ask for that. Valid JSON passes as it is. */
export const repairJson: Middleware = (request, next) => {
  const { response_format: format, tools, post_processing_steps: steps = [] } = request;
  const asksForJson = format?.type === "json_schema" || format?.type === "json_object" || (tools ?? []).length > 0;
  // What is no list is refused further in.
  if (!asksForJson || !Array.isArray(steps) || steps.some(({ type }) => type === STEP.type)) return next(request);
  return next({ ...request, post_processing_steps: [...steps, STEP] });
};

const STEP = { type: "json-repair" };
