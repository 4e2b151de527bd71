import { type DirectiveRule, type Directives, directiveGroups } from "./directives.ts";
import { RequestError } from "./request-error.ts";

const rules = new Map(directiveGroups.flatMap((group) => Object.entries(group.rules)));
const faults = new Set(directiveGroups.filter((group) => group.faults).flatMap((group) => Object.keys(group.rules)));
const known = [...rules.keys()].join(", ");

/** Takes `sim+status=503` apart: the plain model name, and what is simulated. Refuses what it does not know. */
export function readModel(model: string): { readonly name: string; readonly directives: Directives } {
  const [name = "", ...items] = model.split("+");
  if (name === "") throw new RequestError("The model name must not start with a directive.", "model");
  return { name, directives: readDirectives(items, "model") };
}

/** Reads directives, as in `["status=503", "bom"]`; `source` is the field or header that an error names. */
export function readDirectives(items: readonly string[], source: string): Directives {
  const directives: Record<string, unknown> = {};
  for (const item of items) {
    const [name = "", ...value] = item.split("=");
    const refuse = (why: string) => new RequestError(why, source, "invalid_directive");
    const rule = rules.get(name);
    if (!rule) throw refuse(`Unknown directive "${name}". Known are: ${known}.`);
    if (name in directives) throw refuse(`Directive "${name}" is given twice.`);
    directives[name] = readValue(rule, value.length > 0 ? value.join("=") : undefined);
    if (directives[name] === undefined) {
      throw refuse(`Directive "${name}" takes ${expected(rule)}, so "${item}" is none. Known are: ${known}.`);
    }
  }
  return directives as Directives; // Every value has been read by the rule that its type is derived from.
}

/** The same directives without those that are faults. */
export function withoutFaults(directives: Directives): Directives {
  return Object.fromEntries(Object.entries(directives).filter(([name]) => !faults.has(name)));
}

/** Refuses directives that could have no effect on this kind of call, so that no fault is left out in silence. */
export function checkKind(directives: Directives, stream: boolean): void {
  for (const name in directives) {
    const only = rules.get(name)?.only;
    if (only && only !== (stream ? "stream" : "json")) {
      throw new RequestError(
        `Directive "${name}" needs "stream": ${only === "stream"}.`,
        "stream",
        "invalid_directive",
      );
    }
  }
  const failing = "error-in-200" in directives || "error-event" in directives;
  if ("error-status" in directives && !failing) throw needs("error-status", "error-in-200 or error-event");
  if ("code" in directives && !failing && !("status" in directives)) {
    throw needs("code", "status, error-in-200 or error-event");
  }
}

function needs(name: string, others: string): RequestError {
  return new RequestError(`Directive "${name}" needs ${others} beside it.`, "model", "invalid_directive");
}

function readValue(rule: DirectiveRule, text: string | undefined): unknown {
  if (text === undefined) return rule.bare;
  if (rule.words?.includes(text)) return text;
  if (rule.share && /^(0?\.\d+|[01](\.0*)?)$/.test(text)) return Number(text);
  const [least, most] = rule.range ?? [0, -1];
  if (/^\d{1,10}$/.test(text) && Number(text) >= least && Number(text) <= most) return Number(text);
  return rule.text && /^[\x20-\x7e]{1,200}$/.test(text) ? text : undefined;
}

function expected(rule: DirectiveRule): string {
  const kinds = [];
  if (rule.bare) kinds.push("no value");
  if (rule.words) kinds.push(`one of ${rule.words.join(", ")}`);
  if (rule.range) kinds.push(`a whole number from ${rule.range[0]} to ${rule.range[1]}`);
  if (rule.share) kinds.push("a number from 0 to 1");
  if (rule.text) kinds.push("1 to 200 printable ASCII characters");
  return kinds.join(", or ");
}
