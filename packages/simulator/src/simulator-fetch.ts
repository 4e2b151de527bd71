import { checkApiKey, checkSeed } from "./check-options.ts";
import { playAsResponse } from "./play-as-response.ts";
import { MAX_BODY, Simulation } from "./simulation.ts";

/** The part of `fetch` that clients need. */
export type SimulatorFetch = (input: string | URL | Request, init?: RequestInit) => Promise<Response>;

export interface SimulatorFetchOptions {
  /** What the words of answers and the dice of `chance` and `chaos` start from: any whole number. Default 1. */
  readonly seed?: number | undefined;
  /** The only key that is accepted, as a bearer token; other calls get a 401. Default: any key, or none. */
  readonly apiKey?: string | undefined;
}

/**
 * A simulator in process, without a port: a function like `fetch` for clients that take one, as in
 * `new OpenAI({ fetch: simulatorFetch(), apiKey: "any" })`. The host of a URL does not matter. Where a connection would
 * fail, the promise or the body's stream rejects as that of `fetch` does; redirects are returned and not followed.
 * Throws a `TypeError` for a bad option.
 */
export function simulatorFetch({ seed = 1, apiKey }: SimulatorFetchOptions = {}): SimulatorFetch {
  checkSeed(seed);
  checkApiKey(apiKey);
  const simulation = new Simulation(seed, apiKey);
  return async (input, init) => {
    const request = new Request(input, init);
    const { pathname, search } = new URL(request.url);
    const text = await request.text();
    const { steps } = simulation.answer({
      method: request.method,
      path: pathname + search,
      authorization: request.headers.get("authorization") ?? undefined,
      simulate: request.headers.get("x-simulate") ?? undefined,
      text: text.length > MAX_BODY ? undefined : text,
    });
    const signal = init?.signal ?? (input instanceof Request ? input.signal : undefined);
    return playAsResponse(steps, signal);
  };
}
