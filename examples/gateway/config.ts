import { type EnvelopeName, type Limit, type RateLimitMode, timeouts } from "@gatewright/core";
import { z } from "zod";
import {
  collector,
  flag,
  host,
  isLoopback,
  keys,
  label,
  models,
  prices,
  proxies,
  redisUrl,
  secret,
  share,
  url,
  wholeNumber,
  windows,
} from "./values.ts";

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
    | {
        readonly url: string;
        readonly timeoutMs: number;
        readonly whenDown: (typeof WHEN_DOWN)[number];
        readonly gateways: number;
      }
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
  /** Where transcripts are; `undefined`: callers cannot ask about any. */
  readonly assemblyAi: { readonly apiKey: string; readonly baseUrl?: string } | undefined;
  readonly logLevel: string;
  /** Whether what was said is logged, with credentials masked. */
  readonly logContent: boolean;
  /** What a million tokens of each model cost. */
  readonly prices: z.infer<typeof prices>;
  /** Where it runs: told in logs, traces and metrics. */
  readonly environment: string | undefined;
  readonly region: string | undefined;
  /** What a collector gets, and of how many calls the traces. */
  readonly otlp: { readonly traces: boolean; readonly metrics: boolean };
  readonly traceShare: number;
  /** Where `/metrics`, `/healthz` and `/readyz` are served too; `undefined`: nowhere else. */
  readonly admin: { readonly host: string; readonly port: number } | undefined;
  /** Whether answers are checked against the schemas that callers ask for, and what is done about one that does not match. */
  readonly outputCheck: (typeof OUTPUT_CHECKS)[number];
  /** Whether answers are repaired wherever JSON was asked for. */
  readonly repairJson: boolean;
  /** The models that get a schema as an instruction. */
  readonly instructed: readonly string[];
  /** Variables that are set and mean nothing to this version. */
  readonly unheard: readonly string[];
}

/** A configuration that cannot be used; the message names each variable and what to do. */
export class ConfigError extends Error {
  override readonly name = "ConfigError";
}

const ENVELOPES = ["openai", "nested", "flat", "detail", "problem"] as const;
const COMMITS = ["first-token", "complete"] as const;
const LIMIT_MODES = ["enforce", "dry-run", "off"] as const;
const WHEN_DOWN = ["local", "allow", "refuse"] as const;
const OUTPUT_CHECKS = ["fail", "ask-again", "off"] as const;
const DAY_MS = 24 * 60 * 60 * 1000;
const LOG_LEVELS = ["trace", "debug", "info", "warn", "error", "fatal", "silent"] as const;

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
  GATEWAY_REDIS_TIMEOUT_MS: wholeNumber(1, 60_000).default(50),
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
  ASSEMBLYAI_API_KEY: secret.optional(),
  ASSEMBLYAI_BASE_URL: host.optional(),
  GATEWAY_OUTPUT_CHECK: z.enum(OUTPUT_CHECKS, { error: `set one of ${OUTPUT_CHECKS.join(", ")}` }).default("fail"),
  GATEWAY_REPAIR_JSON: flag.default(true),
  GATEWAY_SCHEMA_AS_INSTRUCTION: models.default([]),
  GATEWAY_ENVIRONMENT: label.optional(),
  GATEWAY_REGION: label.optional(),
  GATEWAY_PRICES: prices.default({}),
  GATEWAY_LOG_CONTENT: flag.default(false),
  GATEWAY_TRACE_SHARE: share.default(1),
  GATEWAY_ADMIN_HOST: z.string().default("127.0.0.1"),
  GATEWAY_ADMIN_PORT: wholeNumber(0, 65_535).optional(),
  OTEL_EXPORTER_OTLP_ENDPOINT: collector.optional(),
  OTEL_EXPORTER_OTLP_TRACES_ENDPOINT: z.string().optional(),
  OTEL_EXPORTER_OTLP_METRICS_ENDPOINT: z.string().optional(),
  OTEL_EXPORTER_OTLP_PROTOCOL: z.literal("http/json", { error: "set http/json, the only one it speaks" }).optional(),
  OTEL_SDK_DISABLED: flag.default(false),
  LOG_LEVEL: z.enum(LOG_LEVELS, { error: `set one of ${LOG_LEVELS.join(", ")}` }).default("info"),
});

/** Variables of parts that this version does not have. They may be there for other programs, and are told of as `unheard`. */
const NOT_YET = ["ANTHROPIC_API_KEY", "ANTHROPIC_BASE_URL", "GEMINI_API_KEY", "GEMINI_BASE_URL"];

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
  const isSet = (endpoint: string | undefined): boolean => (endpoint ?? set.OTEL_EXPORTER_OTLP_ENDPOINT) !== undefined;
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
      ? {
          url: set.REDIS_URL,
          timeoutMs: set.GATEWAY_REDIS_TIMEOUT_MS,
          whenDown: set.GATEWAY_REDIS_DOWN,
          gateways: set.GATEWAY_REPLICAS,
        }
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
    assemblyAi: set.ASSEMBLYAI_API_KEY
      ? { apiKey: set.ASSEMBLYAI_API_KEY, ...(set.ASSEMBLYAI_BASE_URL && { baseUrl: set.ASSEMBLYAI_BASE_URL }) }
      : undefined,
    logLevel: set.LOG_LEVEL,
    logContent: set.GATEWAY_LOG_CONTENT,
    prices: set.GATEWAY_PRICES,
    environment: set.GATEWAY_ENVIRONMENT,
    region: set.GATEWAY_REGION,
    otlp: {
      traces: !set.OTEL_SDK_DISABLED && isSet(set.OTEL_EXPORTER_OTLP_TRACES_ENDPOINT),
      metrics: !set.OTEL_SDK_DISABLED && isSet(set.OTEL_EXPORTER_OTLP_METRICS_ENDPOINT),
    },
    traceShare: set.GATEWAY_TRACE_SHARE,
    admin:
      set.GATEWAY_ADMIN_PORT === undefined ? undefined : { host: set.GATEWAY_ADMIN_HOST, port: set.GATEWAY_ADMIN_PORT },
    outputCheck: set.GATEWAY_OUTPUT_CHECK,
    repairJson: set.GATEWAY_REPAIR_JSON,
    instructed: set.GATEWAY_SCHEMA_AS_INSTRUCTION,
    unheard: NOT_YET.filter((name) => environment[name] !== undefined),
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
    const names = known.filter((other) => other.startsWith("GATEWAY_")).join(", ");
    return [`${name}: there is no such variable; those of the gateway are ${names}`];
  });
}

/** Variables that are set and would do nothing, as what they are about is not. */
function idle(set: z.infer<typeof variables>, given: object): string[] {
  const limited = set.GATEWAY_RATE_LIMIT.length + set.GATEWAY_TOKEN_LIMIT.length > 0;
  const without = [
    ...(set.REDIS_URL
      ? []
      : [
          ["GATEWAY_REPLICAS", "REDIS_URL"],
          ["GATEWAY_REDIS_TIMEOUT_MS", "REDIS_URL"],
          ["GATEWAY_REDIS_DOWN", "REDIS_URL"],
        ]),
    ...(set.OTEL_EXPORTER_OTLP_ENDPOINT || set.OTEL_EXPORTER_OTLP_TRACES_ENDPOINT
      ? []
      : [["GATEWAY_TRACE_SHARE", "OTEL_EXPORTER_OTLP_ENDPOINT"]]),
    ...(set.GATEWAY_ADMIN_PORT === undefined ? [["GATEWAY_ADMIN_HOST", "GATEWAY_ADMIN_PORT"]] : []),
    ...(set.ASSEMBLYAI_API_KEY ? [] : [["ASSEMBLYAI_BASE_URL", "ASSEMBLYAI_API_KEY"]]),
    ...(limited ? [] : [["GATEWAY_LIMIT_MODE", "GATEWAY_RATE_LIMIT or GATEWAY_TOKEN_LIMIT"]]),
  ];
  return without.flatMap(([name = "", needed]) =>
    Object.hasOwn(given, name) ? [`${name}: does nothing without ${needed}; set that too, or unset it`] : [],
  );
}
