import { answer } from "./answer.ts";
import { readChatRequest } from "./chat-request.ts";
import { FaultDecider } from "./decide-faults.ts";
import { masked, refusalJson } from "./errors.ts";
import { headersFor } from "./headers.ts";
import { isObject } from "./json-object.ts";
import { modelsJson } from "./models.ts";
import { hexId } from "./random.ts";
import { checkKind, readDirectives, readModel } from "./read-directives.ts";
import { RequestError } from "./request-error.ts";
import { json } from "./respond.ts";
import type { Step } from "./step.ts";

/** The longest request body that is read, in bytes. */
export const MAX_BODY = 67_108_864;

/** What the simulator sees of an HTTP request, wherever it came from. */
export interface Incoming {
  readonly method: string;
  /** The path, with or without a query. */
  readonly path: string;
  readonly authorization: string | undefined;
  /** The header `x-simulate`. */
  readonly simulate: string | undefined;
  /** The body; nothing where it was longer than allowed. */
  readonly text: string | undefined;
}

export interface Outgoing {
  /** The request's body as JSON, or as text where it is none. */
  readonly body: unknown;
  readonly model: string | undefined;
  readonly steps: Iterable<Step>;
}

/** Everything a simulator remembers from one call to the next, and the way from a request to its answer. */
export class Simulation {
  readonly #seed: number;
  readonly #apiKey: string | undefined;
  #decider: FaultDecider;
  #count = 0;

  constructor(seed: number, apiKey: string | undefined) {
    this.#seed = seed;
    this.#apiKey = apiKey;
    this.#decider = new FaultDecider(seed);
  }

  /** Makes the simulation what it was at its start. */
  reset(): void {
    this.#decider = new FaultDecider(this.#seed);
    this.#count = 0;
  }

  /** Answers a request. Never throws: a refusal is an answer too. */
  answer(incoming: Incoming): Outgoing {
    const id = hexId(this.#seed, ++this.#count);
    const body = parse(incoming.text ?? "");
    const model = isObject(body) && typeof body.model === "string" ? body.model : undefined;
    try {
      return { body, model, steps: this.#route(incoming, body, id) };
    } catch (error) {
      const status = error instanceof RequestError ? error.status : 500;
      return { body, model, steps: json(status, headersFor(id, {}), refusalJson(error)) };
    }
  }

  #route(incoming: Incoming, body: unknown, id: string): Iterable<Step> {
    const key = incoming.authorization?.replace(/^bearer\s+/i, "");
    if (this.#apiKey !== undefined && key !== this.#apiKey) throw wrongKey(key);
    const path = incoming.path.replace(/\?.*$/s, "").replace(/^\/v1(?=\/)/, "");
    const [, models, model] = path.match(/^(\/models)(?:\/(.+))?$/) ?? [];
    if (incoming.method === "GET" && models) return json(200, headersFor(id, {}), modelsJson(model));
    if (incoming.method === "POST" && path === "/chat/completions") return this.#chat(incoming, body, id, key);
    throw new RequestError(`Invalid URL (${incoming.method} ${incoming.path})`, null, null, 404);
  }

  #chat({ text, simulate }: Incoming, body: unknown, id: string, key: string | undefined): Iterable<Step> {
    if (text === undefined) throw new RequestError(`The body is longer than ${MAX_BODY} bytes.`, null, null, 413);
    if (typeof body === "string") throw new RequestError("We could not parse the JSON body of your request.");
    const request = readChatRequest(body);
    const { name, directives } = readModel(request.model);
    const items = simulate ? simulate.split(",").map((item) => item.trim()) : [];
    const asked = { ...directives, ...readDirectives(items, "x-simulate") };
    checkKind(asked, request.stream);
    const decided = this.#decider.decide(asked, `${request.model} ${simulate ?? ""}`, request.stream);
    return answer({ id, seed: this.#seed, request, model: name, directives: decided, key });
  }
}

/** JSON, or the text itself where it is none; a body that is a JSON string is as wrong as that. */
function parse(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    return text;
  }
}

function wrongKey(key: string | undefined): RequestError {
  const why = key
    ? `Incorrect API key provided: ${masked(key)}.`
    : "You didn't provide an API key. You need to provide your API key in an Authorization header using Bearer auth.";
  return new RequestError(why, null, "invalid_api_key", 401);
}
