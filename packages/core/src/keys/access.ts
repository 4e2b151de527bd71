import type { Caller } from "../caller.ts";
import type { ChatRequest } from "../chat.ts";
import { GatewayError, invalidRequest } from "../error.ts";
import { isFields } from "../json.ts";
import { namePattern } from "../pattern.ts";

/** Whether a caller may use a model. */
export function mayUse({ models }: Caller, model: string): boolean {
  return models === undefined || compiled(models).some((matches) => matches(model));
}

/**
 * Checks that a caller may use what its request names: its model, those of its own fallbacks, and the region of each,
 * which is `region` where the request names none. Throws `llm.access.model_unavailable`.
 */
export function checkAccess(caller: Caller, request: ChatRequest, region: string): void {
  const { models, regions } = caller;
  if (models === undefined && regions === undefined) return;
  const check = (model: string, asked: unknown): void => {
    if (asked !== undefined && asked !== null && typeof asked !== "string") {
      throw invalidRequest([{ path: "model_region", message: "must be a text" }]);
    }
    const at = asked ?? region;
    // Some services take a list of names in one.
    if (!model.split(",").every((name) => mayUse(caller, name)))
      throw refused(`Your key may not use the model ${shown(model)}.`);
    if (regions !== undefined && !regions.includes(at)) {
      throw refused(`Your key may not use the model ${shown(model)} in the region ${shown(at)}.`);
    }
  };
  check(request.model, request.model_region);
  // What OpenRouter and its like choose from.
  if (models !== undefined && request.models !== undefined) {
    for (const model of Array.isArray(request.models) ? request.models : [request.models]) {
      if (typeof model !== "string" || !mayUse(caller, model))
        throw refused("Your key may not use what is listed in models.");
    }
  }
  if (!Array.isArray(request.fallbacks)) return;
  for (const entry of request.fallbacks) {
    // An entry that is none is for `fallback` to refuse.
    if (!isFields(entry) || typeof entry.model !== "string") continue;
    const removed = Array.isArray(entry.remove_fields) && entry.remove_fields.includes("model_region");
    const named = Object.hasOwn(entry, "model_region") ? entry.model_region : request.model_region;
    check(entry.model, removed ? undefined : named);
  }
}

const patterns = new WeakMap<readonly string[], readonly ((text: string) => boolean)[]>();

function compiled(models: readonly string[]): readonly ((text: string) => boolean)[] {
  let made = patterns.get(models);
  if (!made) {
    made = models.map(namePattern);
    patterns.set(models, made);
  }
  return made;
}

function refused(message: string): GatewayError {
  return new GatewayError("llm.access.model_unavailable", message);
}

/** A caller's own text, cut and in quotes, so that it may stand in a message. */
function shown(text: string): string {
  return JSON.stringify(text.length > 256 ? `${text.slice(0, 255)}…` : text);
}
