import {
  type ChatReply,
  type ChatRequest,
  type Clock,
  deadline,
  type GatewayError,
  hold,
  type Middleware,
  mapChunks,
  systemClock,
  takeTry,
  tell,
  triesOf,
  type Usage,
  wholeIn,
} from "@gatewright/core";
import { checkedChunks } from "./checked-chunks.ts";
import type { Broken } from "./choice-text.ts";
import { complaintOf } from "./complaint.ts";
import { Expectations } from "./expectations.ts";
import { knownOptions } from "./known-options.ts";
import { addUsage } from "./usage.ts";

/** What is done about an answer that does not match, and what is checked. */
export interface ValidateOutputOptions {
  /**
   * What may cure an answer that does not match. `none` (default): nothing, the call fails. `ask-again`: the model is asked once
   * more, with its answer and what is wrong with it; of several (`n`) one that fails has all asked for again, at their price.
   * `fallback`: another target; for a `fallback` that stands outside. With both the answer is held until it was checked; with
   * `none` a stream is passed on as it comes, and fails at its end.
   */
  readonly remedy?: "none" | "ask-again" | "fallback";
  /** How much of a choice is checked, its content and arguments together, in characters; default 1 Mi. A longer one does not match. */
  readonly maxChars?: number;
  /** Told of each answer that does not match, also where a remedy follows. What it throws changes nothing. */
  readonly onInvalid?: (error: GatewayError, request: ChatRequest) => void;
  /** Tells whether there is time left to ask again; default the real time. */
  readonly clock?: Clock;
}

const REMEDIES = ["none", "ask-again", "fallback"] as const;

/**
 * Checks answers against what their request asks for: the content against the schema of `response_format`, and the arguments
 * of tool calls against the tool's `parameters`. What does not match is `llm.output.schema_mismatch` or
 * `llm.output.invalid_tool_arguments` with every failing path; what is no JSON is `llm.output.invalid_json`. A schema that
 * cannot be used is `llm.request.invalid`, before any provider is asked. Mount it outside `postProcess`, so that repaired
 * answers are checked. Throws a `TypeError` for a bad option.
 */
export function validateOutput(options: ValidateOutputOptions = {}): Middleware {
  const {
    remedy = "none",
    maxChars = 1024 * 1024,
    onInvalid = () => {},
    clock = systemClock,
  } = knownOptions("validateOutput", options, ["remedy", "maxChars", "onInvalid", "clock"]);
  if (!REMEDIES.includes(remedy)) throw new TypeError(`validateOutput: remedy must be one of ${REMEDIES.join(", ")}.`);
  wholeIn("validateOutput", "maxChars", maxChars, 1, 64 * 1024 * 1024);
  if (typeof onInvalid !== "function") throw new TypeError("validateOutput: onInvalid must be a function.");
  const expectations = new Expectations();
  const holding = hold();

  return async (request, next) => {
    const expected = expectations.of(request);
    if (!expected) return next(request);

    let broken: Broken | undefined;
    let usage: Usage | undefined;
    const note = (found: Broken): GatewayError => {
      broken = found;
      tell(onInvalid, found.error, request);
      return remedy === "fallback" ? found.error.with({ remedy }) : found.error;
    };
    const checked = async (asked: ChatRequest): Promise<ChatReply> => {
      const { headers, chunks } = await next(asked);
      const reported = (chunk: { readonly usage?: Usage | null }): void => {
        usage = chunk.usage ?? usage;
      };
      const watch = { maxChars, note, reported };
      return { headers, chunks: checkedChunks(chunks, expected, watch, asked.call.signal) };
    };
    if (remedy === "none") return checked(request);

    try {
      return await holding(request, checked);
    } catch (thrown) {
      const said = broken && thrown === broken.error ? broken.said : undefined;
      if (remedy !== "ask-again" || !broken || !said || !mayAskAgain(request, clock)) throw thrown;
      const before = usage;
      const messages = [...request.messages, ...complaintOf(broken.error.issues, said)];
      const again = await holding({ ...request, messages }, checked).catch((other: unknown) => {
        // What keeps a second answer from coming, such as a limit, is not what the caller is to mend.
        throw other === broken?.error || request.call.signal.aborted ? other : thrown;
      });
      // Both answers were paid for.
      return mapChunks(again, (chunk) => addUsage(chunk, before));
    }
  };
}

/** How many tries a call may have, where no layer further in says so. */
const MAX_ATTEMPTS = 3;

function mayAskAgain({ call }: ChatRequest, clock: Clock): boolean {
  const { context, signal } = call;
  if (signal.aborted || clock.now() >= context.get(deadline)) return false;
  return takeTry(context, triesOf(context, MAX_ATTEMPTS));
}
