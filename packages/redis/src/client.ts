import type { Script } from "./script.ts";

/** A client of node-redis: `createClient()`, `createCluster()` or `createSentinel()` of `redis` or `@redis/client`. */
export interface NodeRedisClient {
  evalSha(sha: string, options: { keys: string[]; arguments: string[] }): Promise<unknown>;
  eval(script: string, options: { keys: string[]; arguments: string[] }): Promise<unknown>;
}

/** A client of ioredis: `new Redis()` or `new Cluster()`. */
export interface IoRedisClient {
  evalsha(sha: string, numberOfKeys: number, ...keysAndArguments: string[]): Promise<unknown>;
  eval(script: string, numberOfKeys: number, ...keysAndArguments: string[]): Promise<unknown>;
}

/** A connected client, which stays the caller's: to configure, to watch and to close. */
export type RedisClient = NodeRedisClient | IoRedisClient;

/** A script with all that it is to be run with. */
export interface Command {
  readonly script: Script;
  /** All in one slot of a cluster. */
  readonly keys: string[];
  readonly values: string[];
}

/** Runs a command, in one round trip; two where Redis does not know the script yet. Rejects as the client does. */
export type Run = (command: Command) => Promise<unknown>;

/** Both kinds of client as one function. Throws a `TypeError` for what is neither. */
export function runOn(client: RedisClient): Run {
  const { byHash, byText } = commandsOf(client);
  return async (command) => {
    try {
      return await byHash(command);
    } catch (thrown) {
      if (!isUnknownScript(thrown)) throw thrown;
      return byText(command);
    }
  };
}

function commandsOf(client: RedisClient): { readonly byHash: Run; readonly byText: Run } {
  if (isNodeRedis(client)) {
    const split = ({ keys, values }: Command) => ({ keys, arguments: values });
    return {
      byHash: (command) => client.evalSha(command.script.hash, split(command)),
      byText: (command) => client.eval(command.script.text, split(command)),
    };
  }
  if (isIoRedis(client)) {
    return {
      byHash: ({ script, keys, values }) => client.evalsha(script.hash, keys.length, ...keys, ...values),
      byText: ({ script, keys, values }) => client.eval(script.text, keys.length, ...keys, ...values),
    };
  }
  throw new TypeError(
    "redisStore: client must be one of node-redis (createClient, createCluster) or of ioredis (new Redis, new Cluster).",
  );
}

function isNodeRedis(client: unknown): client is NodeRedisClient {
  return has(client, "evalSha") && has(client, "eval");
}

function isIoRedis(client: unknown): client is IoRedisClient {
  return has(client, "evalsha") && has(client, "eval");
}

function has(client: unknown, method: string): boolean {
  return typeof client === "object" && client !== null && typeof Reflect.get(client, method) === "function";
}

function isUnknownScript(thrown: unknown): boolean {
  return thrown instanceof Error && thrown.message.startsWith("NOSCRIPT");
}
