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
