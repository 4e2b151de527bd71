import type { Context, ContextKey } from "./index.ts";
import { contextKey } from "./index.ts";

/** What a context gives back and takes, and what the types must not let pass. */
export function mustCompile(context: Context): void {
  const tenant = contextKey<string | undefined>("tenant", undefined);
  const count = contextKey("count", 0);
  const list: ContextKey<readonly string[]> = contextKey<readonly string[]>("list", []);
  context.set(tenant, "acme");
  context.set(tenant, undefined);
  context.set(count, context.get(count) + 1);
  context.set(list, [...context.get(list), "more"]);
  const _tenant: string | undefined = context.get(tenant);
  const _count: number = context.get(count);
}

export function mustNotCompile(context: Context): void {
  const tenant = contextKey<string>("tenant", "none");
  const count = contextKey("count", 0);
  const list = contextKey<readonly string[]>("list", []);
  // @ts-expect-error A value has the type of its key.
  context.set(tenant, 5);
  // @ts-expect-error A key of a string does not hold nothing.
  context.set(tenant, undefined);
  // @ts-expect-error The value does not widen the type of the key.
  context.set(count, "many");
  // @ts-expect-error What is got has the type of its key.
  const _number: number = context.get(tenant);
  // @ts-expect-error What is got is what was set, not less.
  const _exact: "none" = context.get(tenant);
  // @ts-expect-error A key is made, not named.
  context.get("tenant");
  // @ts-expect-error A list in the context is replaced, never changed.
  context.get(list).push("more");
  // @ts-expect-error The default has the type of the key.
  contextKey<string>("tenant", 5);
  // @ts-expect-error A key has a default, so that `get` always answers.
  contextKey<string>("tenant");
}
