import { GatewayError, type Handler } from "@gatewright/core";

/**
 * A handler that picks another by the request's model. Names are exact or hold `*` for any text; an exact name wins,
 * then the pattern listed first. A model that none claims is `llm.model.not_found`.
 * @example route({ "gpt-*": openai({ apiKey }), "*": openai({ baseUrl: "http://localhost:11434/v1", name: "ollama" }) })
 */
export function route(targets: Readonly<Record<string, Handler>>): Handler {
  const exact = new Map(Object.entries(targets).filter(([name]) => !name.includes("*")));
  const patterns = Object.entries(targets)
    .filter(([name]) => name.includes("*"))
    .map(([name, handler]) => ({ pieces: name.split("*"), handler }));
  return async (request) => {
    const { model } = request;
    const target = exact.get(model) ?? patterns.find(({ pieces }) => matches(model, pieces))?.handler;
    if (!target) throw new GatewayError("llm.model.not_found", `No provider is configured for the model "${model}".`);
    return target(request);
  };
}

/** Whether a text is the pieces in order with any text between them: linear, whatever the pattern. */
function matches(text: string, pieces: readonly string[]): boolean {
  const first = pieces[0] ?? "";
  const last = pieces.at(-1) ?? "";
  if (text.length < first.length + last.length || !text.startsWith(first) || !text.endsWith(last)) return false;
  let at = first.length;
  const end = text.length - last.length;
  for (const piece of pieces.slice(1, -1)) {
    const found = text.indexOf(piece, at);
    if (found === -1 || found + piece.length > end) return false;
    at = found + piece.length;
  }
  return true;
}
