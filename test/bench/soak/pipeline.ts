import {
  auth,
  balance,
  circuitBreaker,
  compose,
  concurrency,
  drain,
  endOn,
  fallback,
  type Handler,
  hedge,
  hold,
  idempotency,
  log,
  type Middleware,
  memoryStore,
  retry,
  timeout,
} from "@gatewright/core";
import { openai, route } from "@gatewright/providers";
import { telemetry } from "@gatewright/telemetry";
import { Agent } from "undici";
import type { GatewayPulse } from "./gateway.ts";
import {
  BACKUP,
  callers,
  FAULT_HEADER,
  MANNER_HEADER,
  MARKER_HEADER,
  REACH_HEADER,
  REPLAY_MS,
  type Route,
  routes,
} from "./routes.ts";

/** What of a pulse is the pipeline's. */
type State = Pick<GatewayPulse, "inFlight" | "waiting" | "entered" | "unended" | "opened">;

/** Every part of core in the documented order, with limits as short as the soak. */
export function makePipeline(
  providerUrl: string,
  slots: number,
): { readonly handler: Handler; readonly state: () => State } {
  let entered = 0;
  let recorded = 0;
  let opened = 0;
  const calls = log({ sink: { write: () => void recorded++ } });
  const traced = telemetry();
  const enter: Middleware = (request, next) => {
    entered++;
    return next(request);
  };
  const slotted = concurrency({ max: slots, maxWaiting: slots * 4, maxWaitMs: 2000 });
  const breaker = circuitBreaker({
    minimumCalls: 8,
    failureShare: 0.3,
    windowMs: 3000,
    openMs: 300,
    maxOpenMs: 2000,
    onChange: ({ state }) => {
      if (state === "open") opened++;
    },
  });

  const handler = compose(
    [
      calls,
      enter,
      traced.call,
      endOn(new AbortController().signal),
      timeout({ totalMs: 3000 }),
      auth({ keys: callers.map(({ name, key }) => ({ name, key })) }),
      idempotency({ ttlMs: REPLAY_MS, maxChars: 128 * 1024, store: memoryStore({ maxBytes: 16 * 1024 ** 2 }) }),
      only("drained", drain({ maxMs: 1500, maxChars: 256 * 1024 })),
      slotted,
      fallback({ models: Object.fromEntries(routes.map((name) => [name, [name + BACKUP]])) }),
      only("hedged", hedge({ afterMs: 80 })),
      breaker,
      retry({ baseDelayMs: 20, throttleDelayMs: 50, maxDelayMs: 500, budget: { perSecond: 20 } }),
      only("held", hold()),
      timeout({ firstTokenMs: 500, completionMs: 900, idleMs: 400 }),
      traced.attempt,
    ],
    route({
      "balanced*": balance([provider("one", providerUrl), provider("two", providerUrl)], {
        coolDownMs: 50,
        keyCoolDownMs: 50,
        quotaCoolDownMs: 50,
      }),
      "*": provider("sim", providerUrl),
    }),
  );
  return { handler, state: () => ({ ...slotted.load(), entered, unended: entered - recorded, opened }) };
}

/** A layer for one route and what it falls back to. */
function only(name: Route, layer: Middleware): Middleware {
  return (request, next) => (request.model.replace(BACKUP, "") === name ? layer(request, next) : next(request));
}

/** The simulator, told for each try what to do. Idle connections are soon closed: at the end none should be left. */
function provider(name: string, baseUrl: string): Handler {
  const dispatcher = new Agent({ keepAliveTimeout: 1000, keepAliveMaxTimeout: 1000 });
  const simulator = openai({ name, baseUrl, apiKey: `sk-${name}`, dispatcher, maxResponseBytes: 8 * 1024 ** 2 });
  return async (request) => {
    const { headers } = request.call;
    const fault = headers[FAULT_HEADER];
    const reach = headers[REACH_HEADER];
    const struck = fault !== undefined && (reach === "all tries" || !request.model.endsWith(BACKUP));
    const told = [
      `${request.model}-${headers[MARKER_HEADER]}`,
      headers[MANNER_HEADER],
      ...(struck ? [fault] : []),
      ...(struck && reach === "first try" ? ["times=1"] : []),
    ];
    return simulator({ ...request, model: told.filter(Boolean).join("+") });
  };
}
