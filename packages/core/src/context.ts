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
