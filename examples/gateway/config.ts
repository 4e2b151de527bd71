import { isIP } from "node:net";
import { addressRule, type EnvelopeName, type Limit, type RateLimitMode, readWindow, timeouts } from "@gatewright/core";
import { z } from "zod";

/** What the environment says, checked. */
export interface Config {
  readonly host: string;
  readonly port: number;
  readonly keys: readonly { readonly name: string; readonly key: string }[];
  /** A file of keys, in place of them. */
  readonly keysFile: string | undefined;
  /** Of one caller with one model. */
  readonly limits: readonly Limit[];
  readonly limitMode: RateLimitMode;
  /** Whose `X-Forwarded-For` is believed. */
  readonly trustedProxies: readonly string[];
  /** Where limits, slots and remembered calls are shared with other gateways; `undefined`: each has its own. */
  readonly redis:
    | { readonly url: string; readonly whenDown: (typeof WHEN_DOWN)[number]; readonly gateways: number }
    | undefined;
  readonly errors: EnvelopeName;
  readonly maxBodyBytes: number;
  /** How many calls of one caller may be in flight; `undefined`: any number. */
  readonly concurrency: number | undefined;
  readonly retries: number;
  readonly timeoutMs: number;
  readonly firstTokenTimeoutMs: number;
  readonly idleTimeoutMs: number;
  /** How long calls may take to finish once the gateway is told to stop; then they end with an error. */
  readonly shutdownMs: number;
  readonly streamCommit: (typeof COMMITS)[number];
  readonly openai: { readonly apiKey?: string | undefined; readonly baseUrl?: string | undefined } | undefined;
  readonly logLevel: string;
  /** Variables that are set and mean nothing to this version. */
  readonly unheard: readonly string[];
}

/** A configuration that cannot be used; the message names each variable and what to do. */
export class ConfigError extends Error {
  override readonly name = "ConfigError";
}

const wholeNumber = (least: number, most: number): z.ZodType<number> =>
  z
    .string()
    .regex(/^\d{1,15}$/, { error: `set a whole number from ${least} to ${most}` })
    .transform(Number)
    .refine((value) => value >= least && value <= most, { error: `set a whole number from ${least} to ${most}` });

const secret = z.string().regex(/^[\x21-\x7e]+$/, { error: "must be letters, digits and signs without white space" });
const url = z
  .url({ protocol: /^https?$/, error: "set an http(s) URL with its version, like https://api.openai.com/v1" })
  .refine((text) => !/[?#@]/.test(text), { error: "must hold no query, user name or password" });

const ENVELOPES = ["openai", "nested", "flat", "detail", "problem"] as const;
const COMMITS = ["first-token", "complete"] as const;
const LIMIT_MODES = ["enforce", "dry-run", "off"] as const;
const WHEN_DOWN = ["local", "allow", "refuse"] as const;
const DAY_MS = 24 * 60 * 60 * 1000;
const LOG_LEVELS = ["trace", "debug", "info", "warn", "error", "fatal", "silent"] as const;

/** `name=key,name=key`. A key may hold `=`, a name may not. */
const keys = z.string().transform((list, context) => {
  const entries = list.split(",").map((entry) => {
    const [, name = "", key = ""] = /^\s*([^=\s]+)=(\S+)\s*$/.exec(entry) ?? [];
    if (key === "")
      context.addIssue({ code: "custom", message: "write it as name=key,name=key, with no name or key empty" });
    return { name, key };
  });
  const twice = (field: "name" | "key"): boolean => new Set(entries.map((entry) => entry[field])).size < entries.length;
  if (twice("name")) context.addIssue({ code: "custom", message: "give each name once" });
  if (twice("key")) context.addIssue({ code: "custom", message: "give each key to one name only" });
  return entries;
});

/** `30/60s,1000/1d`: windows, all of which hold. */
const windows = z.string().transform((list, context) => {
  const found = split(list).map(readWindow);
  if (found.includes(undefined)) {
    const message = "write it as 30/60s, or as 30/60s,1000/1d, with s, m, h or d, of at most 366d";
    context.addIssue({ code: "custom", message });
  }
  const times = found.map((window) => window?.windowMs);
  if (new Set(times).size < times.length) context.addIssue({ code: "custom", message: "give each time once" });
  return found.filter((window) => window !== undefined);
});

const proxies = z.string().transform((list, context) => {
  const entries = split(list);
  try {
    addressRule(entries);
  } catch (error) {
    context.addIssue({ code: "custom", message: error instanceof Error ? error.message : "is no list of addresses" });
  }
  return entries;
});

const redisUrl = z.string().refine((text) => isRedisUrl(text), {
  error: "set a URL like redis://127.0.0.1:6379, or rediss://user:password@host:6379/0",
});

const variables = z.object({
  HOST: z.string().default("127.0.0.1"),
  PORT: wholeNumber(0, 65_535).default(8787),
  GATEWAY_KEYS: keys.default([]),
  GATEWAY_KEYS_FILE: z.string().optional(),
  GATEWAY_RATE_LIMIT: windows.default([]),
  GATEWAY_TOKEN_LIMIT: windows.default([]),
  GATEWAY_LIMIT_MODE: z.enum(LIMIT_MODES, { error: `set one of ${LIMIT_MODES.join(", ")}` }).default("enforce"),
  GATEWAY_TRUSTED_PROXIES: proxies.default([]),
  GATEWAY_REPLICAS: wholeNumber(1, 100_000).default(1),
  GATEWAY_REDIS_DOWN: z.enum(WHEN_DOWN, { error: `set one of ${WHEN_DOWN.join(", ")}` }).default("local"),
  REDIS_URL: redisUrl.optional(),
  GATEWAY_ERRORS: z.enum(ENVELOPES, { error: `set one of ${ENVELOPES.join(", ")}` }).default("openai"),
  GATEWAY_MAX_BODY_BYTES: wholeNumber(1, 1024 ** 3).default(10 * 1024 * 1024),
  GATEWAY_CONCURRENCY: wholeNumber(1, 100_000).optional(),
  GATEWAY_RETRIES: wholeNumber(0, 10).default(2),
  GATEWAY_TIMEOUT_MS: wholeNumber(1, DAY_MS).default(timeouts.interactive.call.totalMs),
  GATEWAY_FIRST_TOKEN_TIMEOUT_MS: wholeNumber(1, DAY_MS).default(timeouts.interactive.attempt.firstTokenMs),
  GATEWAY_IDLE_TIMEOUT_MS: wholeNumber(1, DAY_MS).default(timeouts.interactive.attempt.idleMs),
  GATEWAY_STREAM_COMMIT: z.enum(COMMITS, { error: `set one of ${COMMITS.join(", ")}` }).default("first-token"),
  GATEWAY_SHUTDOWN_MS: wholeNumber(1, DAY_MS).default(30_000),
  OPENAI_API_KEY: secret.optional(),
  OPENAI_BASE_URL: url.optional(),
  LOG_LEVEL: z.enum(LOG_LEVELS, { error: `set one of ${LOG_LEVELS.join(", ")}` }).default("info"),
});

/**
 * Variables of parts that this version does not have. One of the gateway's own that is set and not heard would be worse
 * than not starting; the others may be there for other programs, and are told of as `unheard`.
 */
const NOT_YET = [
  "GATEWAY_REGION",
  "ANTHROPIC_API_KEY",
  "ANTHROPIC_BASE_URL",
  "GEMINI_API_KEY",
  "GEMINI_BASE_URL",
  "ASSEMBLYAI_API_KEY",
  "ASSEMBLYAI_BASE_URL",
  "OTEL_EXPORTER_OTLP_ENDPOINT",
];

/** Reads the configuration from environment variables. Throws a `ConfigError` that names every variable at fault. */
export function readConfig(environment: Readonly<Record<string, string | undefined>>): Config {
  const given = Object.fromEntries(Object.entries(environment).filter(([, value]) => value !== ""));
  const result = variables.safeParse(given);
  const problems = [
    ...(result.error?.issues ?? []).map(({ path, message }) => `${path.join(".")}: ${message}`),
    ...empty(environment),
    ...unknown(environment),
    ...(result.success ? idle(result.data, given) : []),
  ];
  if (!result.success || problems.length > 0) throw new ConfigError(problems.join("\n"));
  const set = result.data;
  const asksKeys = set.GATEWAY_KEYS.length > 0 || set.GATEWAY_KEYS_FILE !== undefined;
  if (!asksKeys && !isLoopback(set.HOST)) {
    throw new ConfigError(
      `HOST: ${set.HOST} can be reached from other machines, and no keys are asked: set GATEWAY_KEYS=name=key or GATEWAY_KEYS_FILE`,
    );
  }
  if (set.GATEWAY_KEYS.length > 0 && set.GATEWAY_KEYS_FILE !== undefined) {
    throw new ConfigError("GATEWAY_KEYS_FILE: set either GATEWAY_KEYS or this");
  }
  const per = ["caller", "model"] as const;
  const limits: Limit[] = [
    ...set.GATEWAY_RATE_LIMIT.map(({ amount, windowMs }) => ({ requests: amount, windowMs, per })),
    ...set.GATEWAY_TOKEN_LIMIT.map(({ amount, windowMs }) => ({ tokens: amount, windowMs, per })),
  ];
  return {
    host: set.HOST,
    port: set.PORT,
    keys: set.GATEWAY_KEYS,
    keysFile: set.GATEWAY_KEYS_FILE,
    limits,
    limitMode: set.GATEWAY_LIMIT_MODE,
    trustedProxies: set.GATEWAY_TRUSTED_PROXIES,
    redis: set.REDIS_URL
      ? { url: set.REDIS_URL, whenDown: set.GATEWAY_REDIS_DOWN, gateways: set.GATEWAY_REPLICAS }
      : undefined,
    errors: set.GATEWAY_ERRORS,
    maxBodyBytes: set.GATEWAY_MAX_BODY_BYTES,
    concurrency: set.GATEWAY_CONCURRENCY,
    retries: set.GATEWAY_RETRIES,
    timeoutMs: set.GATEWAY_TIMEOUT_MS,
    firstTokenTimeoutMs: set.GATEWAY_FIRST_TOKEN_TIMEOUT_MS,
    idleTimeoutMs: set.GATEWAY_IDLE_TIMEOUT_MS,
    shutdownMs: set.GATEWAY_SHUTDOWN_MS,
    streamCommit: set.GATEWAY_STREAM_COMMIT,
    openai:
      set.OPENAI_API_KEY || set.OPENAI_BASE_URL
        ? { apiKey: set.OPENAI_API_KEY, baseUrl: set.OPENAI_BASE_URL }
        : undefined,
    logLevel: set.LOG_LEVEL,
    unheard: NOT_YET.filter((name) => !name.startsWith("GATEWAY_") && environment[name] !== undefined),
  };
}

function empty(environment: Readonly<Record<string, string | undefined>>): string[] {
  return Object.keys(variables.shape)
    .filter((name) => environment[name] === "")
    .map((name) => `${name}: is empty; set a value or unset it`);
}

function unknown(environment: Readonly<Record<string, string | undefined>>): string[] {
  const known = Object.keys(variables.shape);
  return Object.keys(environment).flatMap((name) => {
    if (!name.startsWith("GATEWAY_") || known.includes(name)) return [];
    if (NOT_YET.includes(name)) return [`${name}: this version cannot do that yet; unset it`];
    const names = known.filter((other) => other.startsWith("GATEWAY_")).join(", ");
    return [`${name}: there is no such variable; those of the gateway are ${names}`];
  });
}

function split(list: string): string[] {
  return list.split(",").map((entry) => entry.trim());
}

function isRedisUrl(text: string): boolean {
  const url = URL.parse(text);
  return url !== null && /^rediss?:$/.test(url.protocol) && url.hostname !== "" && /^(\/\d{0,4})?$/.test(url.pathname);
}

/** Variables that are set and would do nothing, as what they are about is not. */
function idle(set: z.infer<typeof variables>, given: object): string[] {
  const limited = set.GATEWAY_RATE_LIMIT.length + set.GATEWAY_TOKEN_LIMIT.length > 0;
  const without = [
    ...(set.REDIS_URL
      ? []
      : [
          ["GATEWAY_REPLICAS", "REDIS_URL"],
          ["GATEWAY_REDIS_DOWN", "REDIS_URL"],
        ]),
    ...(limited ? [] : [["GATEWAY_LIMIT_MODE", "GATEWAY_RATE_LIMIT or GATEWAY_TOKEN_LIMIT"]]),
  ];
  return without.flatMap(([name = "", needed]) =>
    Object.hasOwn(given, name) ? [`${name}: does nothing without ${needed}; set that too, or unset it`] : [],
  );
}

function isLoopback(host: string): boolean {
  return host === "localhost" || host === "::1" || (isIP(host) === 4 && host.startsWith("127."));
}
