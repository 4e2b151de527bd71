import { isIP } from "node:net";
import { type EnvelopeName, timeouts } from "@gatewright/core";
import { z } from "zod";

/** What the environment says, checked. */
export interface Config {
  readonly host: string;
  readonly port: number;
  readonly keys: readonly { readonly name: string; readonly key: string }[];
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

const variables = z.object({
  HOST: z.string().default("127.0.0.1"),
  PORT: wholeNumber(0, 65_535).default(8787),
  GATEWAY_KEYS: keys.default([]),
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
  "GATEWAY_RATE_LIMIT",
  "GATEWAY_TOKEN_LIMIT",
  "GATEWAY_TRUSTED_PROXIES",
  "GATEWAY_REGION",
  "REDIS_URL",
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
  ];
  if (!result.success || problems.length > 0) throw new ConfigError(problems.join("\n"));
  const set = result.data;
  if (set.GATEWAY_KEYS.length === 0 && !isLoopback(set.HOST)) {
    throw new ConfigError(
      `HOST: ${set.HOST} can be reached from other machines, and no keys are asked: set GATEWAY_KEYS=name=key`,
    );
  }
  return {
    host: set.HOST,
    port: set.PORT,
    keys: set.GATEWAY_KEYS,
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

function isLoopback(host: string): boolean {
  return host === "localhost" || host === "::1" || (isIP(host) === 4 && host.startsWith("127."));
}
