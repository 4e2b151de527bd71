import type { ChatRequest } from "./chat.ts";

/** Names a value that layers of one call leave for each other. Two keys are never the same, whatever they are called. */
export interface ContextKey<T> {
  readonly description: string;
  /** What `get` answers while nobody has set a value. */
  readonly defaultValue: T;
}

/** The values of one call. */
export interface Context {
  get<T>(key: ContextKey<T>): T;
  set<T>(key: ContextKey<T>, value: NoInfer<T>): void;
}

/**
 * Makes a key for a value of type `T`.
 * @example const tenant = contextKey<string>("tenant", "none");
 *          request.call.context.set(tenant, "acme");
 */
export function contextKey<T>(description: string, defaultValue: T): ContextKey<T> {
  return { description, defaultValue };
}

export function createContext(): Context {
  const values = new Map<unknown, unknown>();
  return {
    // The map holds under a key only what `set` put there for that very key, so the type is the key's.
    get: <T>(key: ContextKey<T>): T => (values.has(key) ? (values.get(key) as T) : key.defaultValue),
    set: (key, value) => {
      values.set(key, value);
    },
  };
}

/** The request for what is below a layer, where a key has a value of its own. */
export function requestWith<T>(request: ChatRequest, key: ContextKey<T>, value: NoInfer<T>): ChatRequest {
  const { call } = request;
  return { ...request, call: { ...call, context: withValue(call.context, key, value) } };
}

/** The same context with a value of its own under one key; all other values are shared with it, both ways. */
export function withValue<T>(context: Context, key: ContextKey<T>, value: NoInfer<T>): Context {
  let own: unknown = value;
  return {
    // What is kept for the key was given or set for that very key.
    get: <U>(asked: ContextKey<U>): U => ((asked as unknown) === key ? (own as U) : context.get(asked)),
    set: (named, replacement) => {
      if ((named as unknown) === key) own = replacement;
      else context.set(named, replacement);
    },
  };
}
