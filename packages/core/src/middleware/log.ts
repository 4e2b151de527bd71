import type { Call } from "../call.ts";
import type { Middleware } from "../chat.ts";
import { type Clock, systemClock } from "../clock.ts";
import { type ContextKey, contextKey } from "../context.ts";
import type { GatewayError } from "../error.ts";
import { wholeIn } from "../options.ts";
import { type Settings, strayRecord } from "../records/call-record.ts";
import { ContentRule } from "../records/content-rule.ts";
import { OpenRecord } from "../records/open-record.ts";
import { type LogSink, Outlet } from "../records/outlet.ts";
import { type Price, readPrices } from "../records/prices.ts";

/** Where records go, and what is in them. */
export interface LogOptions {
  /** Where records are written to. */
  readonly sink: LogSink;
  /** Where the gateway runs, such as `production`; default none. */
  readonly environment?: string | undefined;
  /** The region it runs in; default none. */
  readonly region?: string | undefined;
  /** What a million tokens cost, by model, `*` for any text: each record then has a `cost`. Default none. */
  readonly prices?: Readonly<Record<string, Price>>;
  /**
   * Turns prompts and answers on, and takes off what is not to be seen of them: each is passed through it, and then
   * through `redact`. What it throws leaves both out. Default none: neither is in any record.
   */
  readonly content?: ((text: string) => string) | undefined;
  /** How much of a prompt, and of an answer, a record holds, in characters; default 20,000. */
  readonly maxContentChars?: number;
  /** How many records a sink that answers promises may be writing at once; default 1,000. Further ones are dropped. */
  readonly maxPending?: number;
  /** Told how many records were dropped since it was last told, at most once a second. */
  readonly onDrop?: (count: number) => void;
  readonly clock?: Clock;
}

/** The middleware, and what belongs to it. Its functions need no `this`. */
export interface Log extends Middleware {
  /** For `gateway`'s `onError`: a call that failed before it came to the pipeline gets its record too. */
  readonly onError: (error: GatewayError, call: Call) => void;
  /** How many records did not get to the sink. */
  readonly dropped: () => number;
}

/**
 * Writes one record a call, when it has truly ended, however it did. Goes outside of all other layers. A call never waits for
 * the sink nor fails with it; but a `write` that keeps the process busy keeps calls waiting as anything does. Throws a
 * `TypeError` for a bad option.
 */
export function log({
  sink,
  environment,
  region,
  prices = {},
  content,
  maxContentChars = 20_000,
  maxPending = 1000,
  onDrop = () => {},
  clock = systemClock,
}: LogOptions): Log {
  if (typeof sink?.write !== "function") throw new TypeError("log: sink must have a method write.");
  for (const [name, value] of Object.entries({ environment, region })) {
    if (value !== undefined && (typeof value !== "string" || value === "")) {
      throw new TypeError(`log: ${name} must be a text.`);
    }
  }
  for (const [name, value] of Object.entries({ content, onDrop })) {
    if (value !== undefined && typeof value !== "function") throw new TypeError(`log: ${name} must be a function.`);
  }
  wholeIn("log", "maxContentChars", maxContentChars, 1, 10_000_000);
  wholeIn("log", "maxPending", maxPending, 1, 1_000_000);
  const outlet = new Outlet(sink, maxPending, onDrop, clock);
  const settings: Settings = {
    fields: { ...(environment !== undefined && { environment }), ...(region !== undefined && { region }) },
    costOf: readPrices("log", prices),
    content: content && new ContentRule(content, maxContentChars),
  };
  /** The record of a call in this very log; it is never changed for another. */
  const own: ContextKey<Pick<OpenRecord, "failed"> | undefined> = contextKey<Pick<OpenRecord, "failed"> | undefined>(
    "record",
    undefined,
  );

  const layer: Middleware = async (request, next) => {
    const { context } = request.call;
    // Tries that begin outside are one call: mounted where it does not belong, this sees the first.
    if (context.get(own)) return next(request);
    const record = new OpenRecord(settings, outlet, clock, request);
    context.set(own, record);
    try {
      return record.replied(await next(request));
    } catch (thrown) {
      record.failed(thrown);
      throw thrown;
    }
  };
  const onError = (error: GatewayError, call: Call): void => {
    const known = call.context.get(own);
    if (!known) call.context.set(own, WRITTEN);
    if (known) known.failed(error);
    else outlet.write(() => strayRecord(settings, call, error));
  };
  return Object.assign(layer, { onError, dropped: () => outlet.dropped });
}

/** A record that nothing is added to. */
const WRITTEN: Pick<OpenRecord, "failed"> = { failed: () => {} };
