import { isIP } from "node:net";
import { addressRule, readWindow } from "@gatewright/core";
import { z } from "zod";

// What the values of variables may look like, and what is made of them.

interface Key {
  readonly name: string;
  readonly key: string;
}

type Window = NonNullable<ReturnType<typeof readWindow>>;

export const wholeNumber = (least: number, most: number): z.ZodType<number> =>
  z
    .string()
    .regex(/^\d{1,15}$/, { error: `set a whole number from ${least} to ${most}` })
    .transform(Number)
    .refine((value) => value >= least && value <= most, { error: `set a whole number from ${least} to ${most}` });

export const secret: z.ZodType<string> = z
  .string()
  .regex(/^[\x21-\x7e]+$/, { error: "must be letters, digits and signs without white space" });
export const url: z.ZodType<string> = z
  .url({ protocol: /^https?$/, error: "set an http(s) URL with its version, like https://api.openai.com/v1" })
  .refine((text) => !/[?#@]/.test(text), { error: "must hold no query, user name or password" });

export const host: z.ZodType<string> = z
  .url({ protocol: /^https?$/, error: "set an http(s) URL without its version, like https://api.eu.assemblyai.com" })
  .refine((text) => !/[?#@]/.test(text), { error: "must hold no query, user name or password" });

/** `name=key,name=key`. A key may hold `=`, a name may not. */
export const keys: z.ZodType<Key[]> = z.string().transform((list, context) => {
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
export const windows: z.ZodType<Window[]> = z.string().transform((list, context) => {
  const found = split(list).map(readWindow);
  if (found.includes(undefined)) {
    const message = "write it as 30/60s, or as 30/60s,1000/1d, with s, m, h or d, of at most 366d";
    context.addIssue({ code: "custom", message });
  }
  const times = found.map((window) => window?.windowMs);
  if (new Set(times).size < times.length) context.addIssue({ code: "custom", message: "give each time once" });
  return found.filter((window) => window !== undefined);
});

export const proxies: z.ZodType<string[]> = z.string().transform((list, context) => {
  const entries = split(list);
  try {
    addressRule(entries);
  } catch (error) {
    context.addIssue({ code: "custom", message: String(error).replace(/^.*trustedProxies: /, "") });
  }
  return entries;
});

export const redisUrl: z.ZodType<string> = z.string().refine((text) => isRedisUrl(text), {
  error: "set a URL like redis://127.0.0.1:6379, or rediss://user:password@host:6379/0",
});

function split(list: string): string[] {
  return list.split(",").map((entry) => entry.trim());
}

function isRedisUrl(text: string): boolean {
  const url = URL.parse(text);
  if (url && [url.username, url.password].some((part) => /%(?![\da-f]{2})/i.test(part))) return false;
  return url !== null && /^rediss?:$/.test(url.protocol) && url.hostname !== "" && /^(\/\d{0,4})?$/.test(url.pathname);
}

export const collector: z.ZodType<string> = z
  .url({ protocol: /^https?$/, error: "set an http(s) URL like http://127.0.0.1:4318, without /v1/traces" })
  .refine((text) => !/[?#@]|\/v1\//.test(text), { error: "must hold no query, user name, password or /v1/traces" });

/** A word such as `production` or `eu-west-1`. */
export const label: z.ZodType<string> = z
  .string()
  .regex(/^[\w.-]{1,64}$/, { error: "set up to 64 letters, digits, '.', '_' or '-'" });

export const flag: z.ZodType<boolean> = z
  .enum(["true", "false"], { error: "set true or false" })
  .transform((text) => text === "true");

export const share: z.ZodType<number> = z
  .string()
  .regex(/^(0(\.\d{1,6})?|1(\.0{1,6})?)$/, { error: "set a number from 0 to 1, like 0.01" })
  .transform(Number);

/** Names of models, in which `*` stands for any text. */
export const models: z.ZodType<readonly string[]> = z
  .string()
  .transform((text) => text.split(",").map((name) => name.trim()))
  .refine((names) => names.every((name) => /^[A-Za-z0-9._:/@+~=*-]{1,256}$/.test(name)), {
    error: "set names of models like llama-*,qwen2.5",
  });

interface Price {
  readonly input: number;
  readonly output: number;
  readonly cachedInput?: number;
}

const PRICE =
  /^([A-Za-z0-9._:/@+~*-]{1,256})=(\d{1,6}(?:\.\d{1,6})?)\/(\d{1,6}(?:\.\d{1,6})?)(?:\/(\d{1,6}(?:\.\d{1,6})?))?$/;

/** `gpt-4o-mini=0.15/0.6,gpt-*=2.5/10/1.25`: what a million tokens cost, in, out, and in from a cache. */
export const prices: z.ZodType<Readonly<Record<string, Price>>> = z.string().transform((text, context) => {
  const entries = text.split(",").map((entry): [string, Price] | undefined => {
    const [, model = "", input, output, cached] = PRICE.exec(entry.trim()) ?? [];
    if (input === undefined || output === undefined) return undefined;
    const price = { input: Number(input), output: Number(output) };
    return [model, cached === undefined ? price : { ...price, cachedInput: Number(cached) }];
  });
  const named = entries.map((entry) => entry?.[0]);
  if (new Set(named).size < named.length && !named.includes(undefined)) {
    context.addIssue("give each model one price");
    return z.NEVER;
  }
  if (entries.every((entry) => entry !== undefined)) return Object.fromEntries(entries);
  context.addIssue(
    "set model=in/out for a million tokens, like gpt-4o-mini=0.15/0.6,gpt-*=2.5/10/1.25 (the third: from a cache)",
  );
  return z.NEVER;
});

export function isLoopback(host: string): boolean {
  return host === "localhost" || host === "::1" || (isIP(host) === 4 && host.startsWith("127."));
}
