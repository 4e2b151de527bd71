import type { ChatChunk, ChunkChoice, ToolCall, Usage } from "../chat.ts";
import { isFields } from "../json.ts";
import { cut } from "../secrecy/redact.ts";
import type { AnswerText } from "./answer-text.ts";
import { oneLine, oneLineName } from "./one-line.ts";

const MAX_REASONS = 8;
const MAX_TOOLS = 32;
const MAX_VERDICTS = 32;
/** How much of a name is kept while the answer goes on. */
const MAX_KEPT = 1024;

/** What of an answer a record tells, gathered as it goes by: most chunks have nothing of it. */
export class Seen {
  /** What it says, where that is gathered. */
  readonly answer: AnswerText | undefined;
  #reasons: string[] | undefined;
  #tools: string[] | undefined;
  #verdicts: unknown[] | undefined;
  /** How many chunks went by. */
  chunks = 0;
  /** The last usage that was reported. */
  usage: Usage | undefined;
  /** The model that says it gave the answer. */
  model: string | undefined;

  constructor(answer?: AnswerText) {
    this.answer = answer;
  }

  add({ model, choices, usage }: ChatChunk): void {
    this.chunks++;
    if (usage) this.usage = usage;
    if (this.model === undefined && typeof model === "string") this.model = model.slice(0, MAX_KEPT);
    for (const choice of choices) {
      const { delta, finish_reason, post_processing } = choice;
      if (finish_reason) this.#reasons = withName(this.#reasons, finish_reason, MAX_REASONS);
      if (delta.tool_calls) for (const call of delta.tool_calls) this.#tool(call);
      if (post_processing !== undefined) this.#judged(choice);
      this.answer?.add(choice);
    }
  }

  /** Why the answers ended. */
  get reasons(): readonly string[] | undefined {
    return this.#reasons?.map((reason) => cut(oneLineName(reason), 64));
  }

  /** The names of the tools that were called. */
  get tools(): readonly string[] | undefined {
    return this.#tools?.map((name) => cut(oneLineName(name), 128));
  }

  get verdicts(): readonly Readonly<Record<string, unknown>>[] | undefined {
    return this.#verdicts?.filter(isFields).map(plain);
  }

  #tool({ function: own, custom }: ToolCall): void {
    const name = own?.name ?? (isFields(custom) ? custom.name : undefined);
    if (name) this.#tools = withName(this.#tools, name, MAX_TOOLS);
  }

  #judged({ post_processing: verdicts }: ChunkChoice): void {
    if (!Array.isArray(verdicts)) return;
    const known = this.#verdicts ?? [];
    this.#verdicts = known;
    known.push(...verdicts.slice(0, MAX_VERDICTS - known.length));
  }
}

/** What providers send is not checked. */
function withName(known: string[] | undefined, name: unknown, most: number): string[] | undefined {
  if (typeof name !== "string" || (known && known.length >= most)) return known;
  const kept = name.slice(0, MAX_KEPT);
  if (!known) return [kept];
  if (!known.includes(kept)) known.push(kept);
  return known;
}

const MAX_FIELDS = 8;
const MAX_ITEMS = 16;
/** How many characters a verdict may have in all. */
const MAX_VERDICT = 1000;

/** The fields of a verdict that are plain: one may come from a provider, and hold anything. */
function plain(verdict: Readonly<Record<string, unknown>>): Readonly<Record<string, unknown>> {
  let left = MAX_VERDICT;
  /** The value, or nothing where it is neither text nor number nor a yes or no. */
  const plainValue = (value: unknown): unknown[] => {
    if (typeof value !== "string") return Number.isFinite(value) || typeof value === "boolean" ? [value] : [];
    const shown = oneLine(value);
    left -= shown.length;
    return left < 0 ? [] : [shown];
  };
  const shown: [string, unknown][] = [];
  for (const [name, value] of Object.entries(verdict).slice(0, MAX_FIELDS)) {
    const known = Array.isArray(value) ? [value.slice(0, MAX_ITEMS).flatMap(plainValue)] : plainValue(value);
    for (const each of known) shown.push([oneLine(name, 64), each]);
  }
  return Object.fromEntries(shown);
}
