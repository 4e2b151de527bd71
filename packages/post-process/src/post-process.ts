import { type ChatRequest, type Middleware, tell } from "@gatewright/core";
import { jsonRepair } from "./json-repair.ts";
import { knownOptions } from "./known-options.ts";
import { processedChunks } from "./processed-chunks.ts";
import type { PostProcessStep, StepVerdict } from "./step.ts";
import { readSteps } from "./steps-field.ts";

/** Which steps there are, and which are run on every answer. */
export interface PostProcessOptions {
  /** The steps that a request may name; default `[jsonRepair()]`. */
  readonly steps?: readonly PostProcessStep[];
  /** The types of those that every answer passes, after the ones its request names; default none. */
  readonly configured?: readonly string[];
  /**
   * Told of what each step made of each text. `raw` is the beginning of a text that is unrepairable, with credentials
   * masked, up to 1,000 characters. What it throws changes nothing.
   */
  readonly onVerdict?: (verdict: StepVerdict, request: ChatRequest, raw: string | undefined) => void;
}

/**
 * Passes the content and the tool arguments of an answer through the steps that the request's `post_processing_steps` names,
 * which it takes off, and then the configured ones; a step is run once. What came of it is in `post_processing` of each
 * choice's last chunk. What a step cannot repair is `llm.output.invalid_json`, and not passed on. Throws a `TypeError` for
 * a bad option.
 */
export function postProcess(options: PostProcessOptions = {}): Middleware {
  const {
    steps = [jsonRepair()],
    configured = [],
    onVerdict = () => {},
  } = knownOptions("postProcess", options, ["steps", "configured", "onVerdict"]);
  if (!Array.isArray(steps) || steps.length === 0) throw new TypeError("postProcess: steps must be a list of steps.");
  const known = new Map<string, PostProcessStep>();
  for (const [at, step] of steps.entries()) {
    if (typeof step?.type !== "string" || step.type === "" || typeof step.begin !== "function") {
      throw new TypeError(`postProcess: steps[${at}] must be a step: a type and begin.`);
    }
    if (known.has(step.type)) throw new TypeError(`postProcess: steps[${at}] has the type of another, ${step.type}.`);
    known.set(step.type, step);
  }
  if (!Array.isArray(configured)) throw new TypeError("postProcess: configured must be a list of types of steps.");
  const always = configured.map((type, at) => {
    const step = known.get(type);
    if (step) return step;
    throw new TypeError(`postProcess: configured[${at}] must be one of ${[...known.keys()].join(", ")}, not ${type}.`);
  });
  if (typeof onVerdict !== "function") throw new TypeError("postProcess: onVerdict must be a function.");

  return async ({ post_processing_steps, ...request }, next) => {
    const run = [...new Set([...readSteps(post_processing_steps, known), ...always])];
    // Taking a field off leaves the others, and with them a whole request.
    const below = request as ChatRequest;
    const reply = await next(below);
    if (run.length === 0) return reply;
    const listener = (verdict: StepVerdict, raw: string | undefined): void => tell(onVerdict, verdict, below, raw);
    const mayCall = [request.tools, request.functions].some((tools) => Array.isArray(tools) && tools.length > 0);
    const work = { steps: run, listener, mayCall };
    return { headers: reply.headers, chunks: processedChunks(reply.chunks, work, request.call.signal) };
  };
}
