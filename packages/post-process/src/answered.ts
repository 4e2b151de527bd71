import { redact } from "@gatewright/core";

/** The beginning of what a model answered, with credentials masked; `cause` is for the error of it: a log may show that. */
export function answered(text: string): { readonly raw: string; readonly cause: Error } {
  const raw = redact(text);
  return { raw, cause: new Error(`The model answered: ${raw}`) };
}
