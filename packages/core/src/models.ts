import type { Call } from "./call.ts";

/** An entry of `GET /models`. */
export interface Model {
  readonly id: string;
  /** When it was made, in seconds since 1970; default 0. */
  readonly created?: number;
  readonly owned_by?: string;
  readonly [field: string]: unknown;
}

/**
 * The models that a caller may see: names or entries, or a function of the call that answers them. The function may
 * throw a `GatewayError` to refuse the call, as `auth`'s `check` does.
 */
export type Models = readonly (string | Model)[] | ((call: Call) => Promise<readonly (string | Model)[]>);

export async function listModels(models: Models, call: Call): Promise<Model[]> {
  const list = typeof models === "function" ? await models(call) : models;
  return list.map((model) => ({
    object: "model",
    created: 0,
    owned_by: "gatewright",
    ...(typeof model === "string" ? { id: model } : model),
  }));
}
