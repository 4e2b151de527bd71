import { RequestError } from "./request-error.ts";

/** The models that `GET /v1/models` lists. They behave alike, and any other name does too. */
export const simulatorModels: readonly string[] = ["sim", "sim-mini", "sim-large"];

/** The JSON for `GET /v1/models`, and for `GET /v1/models/{id}` where an id is given. */
export function modelsJson(id: string | undefined): string {
  if (id === undefined) return JSON.stringify({ object: "list", data: simulatorModels.map(entry) });
  if (simulatorModels.includes(id)) return JSON.stringify(entry(id));
  throw new RequestError(`The model '${id}' does not exist`, "model", "model_not_found", 404);
}

function entry(id: string) {
  return { id, object: "model", created: 1735689600, owned_by: "simulator" };
}
