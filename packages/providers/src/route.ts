import { GatewayError, type Handler, namePattern } from "@gatewright/core";

/**
 * A handler that picks another by the request's model. Names are exact or hold `*` for any text; an exact name wins,
 * then the pattern listed first. A model that none claims is `llm.model.not_found`.
 * @example route({ "gpt-*": openai({ apiKey }), "*": openai({ baseUrl: "http://localhost:11434/v1", name: "ollama" }) })
 */
export function route(targets: Readonly<Record<string, Handler>>): Handler {
  const exact = new Map(Object.entries(targets).filter(([name]) => !name.includes("*")));
  const patterns = Object.entries(targets)
    .filter(([name]) => name.includes("*"))
    .map(([name, handler]) => ({ matches: namePattern(name), handler }));
  return async (request) => {
    const { model } = request;
    const target = exact.get(model) ?? patterns.find(({ matches }) => matches(model))?.handler;
    if (!target) throw new GatewayError("llm.model.not_found", `No provider is configured for the model "${model}".`);
    return target(request);
  };
}
