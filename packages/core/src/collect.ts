import { begin } from "./begin.ts";
import type { ChatChunk, ChatCompletion, ChatReply, CompletionChoice, Delta } from "./chat.ts";
import { iterate } from "./chunk-iterator.ts";
import { GatewayError } from "./error.ts";
import { isFields } from "./json.ts";
import { normalizer } from "./normalize.ts";

type Fields = Record<string, unknown>;

/** Strings that name something: a later piece replaces them. All other strings of a delta are text, and are joined. */
const NAMES = new Set(["role", "id", "type", "name", "format", "index"]);

/**
 * Reads a reply to its end and gives back the completion it makes. A reply of one chunk gives back the completion it
 * was made from, field for field. Throws what the reply throws: a stream that is cut is never a completion.
 */
export async function collect(reply: ChatReply): Promise<ChatCompletion> {
  const { chunks } = await begin(reply);
  // Most replies are one chunk, which is in hand.
  let first = iterate(chunks).ready?.();
  let joined: Joined | undefined;
  for await (const chunk of chunks) {
    if (joined) joined.add(chunk);
    else if (first) {
      joined = new Joined();
      joined.add(first);
      joined.add(chunk);
    } else first = chunk;
  }
  // A layer has read it before.
  if (!first) throw new GatewayError("llm.stream.interrupted", "Nothing is left of the answer.");
  return joined ? joined.completion() : whole(first);
}

function whole(chunk: ChatChunk): ChatCompletion {
  const choices = chunk.choices.map(({ delta, ...choice }): CompletionChoice => ({ ...choice, message: delta }));
  return { ...chunk, object: "chat.completion", choices };
}

class Joined {
  readonly #normalize = normalizer();
  readonly #fields: Fields = {};
  readonly #choices = new Map<number, { readonly fields: Fields; readonly message: Fields }>();

  add(chunk: ChatChunk): void {
    // `obfuscation` is padding against traffic analysis of streams; it has no meaning in a completion.
    const { choices, obfuscation: _, ...fields } = this.#normalize(chunk);
    for (const name of names(fields)) replace(this.#fields, name, fields[name]);
    for (const { index, delta, logprobs, ...rest } of choices) {
      const choice = this.#choices.get(index) ?? { fields: { index }, message: {} };
      this.#choices.set(index, choice);
      for (const name of names(rest)) replace(choice.fields, name, rest[name]);
      join(choice.fields, { logprobs });
      join(choice.message, delta);
    }
  }

  completion(): ChatCompletion {
    const choices = [...this.#choices.values()]
      .map(({ fields: { index, ...fields }, message }): CompletionChoice => {
        // `index` is the number under which the choice is filed.
        return { index: index as number, message: settle(message), ...fields };
      })
      .sort((a, b) => a.index - b.index);
    return { ...this.#fields, object: "chat.completion", choices };
  }
}

/** What all pieces of a message make, as a message: calls in order and without the index that ordered them. */
function settle({ tool_calls, ...message }: Fields): Delta {
  const settled = { role: "assistant", content: null, ...message };
  if (!Array.isArray(tool_calls)) return settled;
  const ordered = tool_calls.toSorted((a: Fields, b: Fields) => Number(a.index) - Number(b.index));
  return { ...settled, tool_calls: ordered.map(({ index: _, ...call }: Fields) => call) };
}

/** The names of the fields, without the one through which a value would reach the prototype of all objects. */
function names(fields: Readonly<Fields>): string[] {
  return Object.keys(fields).filter((name) => name !== "__proto__");
}

function replace(fields: Fields, name: string, value: unknown): void {
  const empty = value === null || value === "";
  if (value !== undefined && !(empty && name in fields)) fields[name] = value;
}

function join(fields: Fields, pieces: Readonly<Fields>): void {
  for (const name of names(pieces)) {
    const piece = pieces[name];
    const known = fields[name];
    if (typeof piece === "string" && typeof known === "string" && !NAMES.has(name)) fields[name] = known + piece;
    else if (Array.isArray(piece)) fields[name] = joinItems(known, piece);
    else if (isFields(piece)) join(fieldsAt(fields, name), piece);
    else if (typeof piece === "string" && Array.isArray(known)) known.push({ type: "text", text: piece });
    else replace(fields, name, piece);
  }
}

/** Items with the same `index` are pieces of one item; all others follow each other. */
function joinItems(known: unknown, pieces: readonly unknown[]): unknown[] {
  const items: unknown[] = Array.isArray(known) ? known : [];
  if (typeof known === "string" && known !== "") items.push({ type: "text", text: known });
  for (const piece of pieces) {
    const index = isFields(piece) ? piece.index : undefined;
    const item = index === undefined ? undefined : items.find((other) => isFields(other) && other.index === index);
    if (isFields(item) && isFields(piece)) join(item, piece);
    else if (isFields(piece)) join(fieldsAt(items, items.length), piece);
    else items.push(piece);
  }
  return items;
}

function fieldsAt<Name extends PropertyKey>(holder: Record<Name, unknown>, name: Name): Fields {
  const known = holder[name];
  if (isFields(known)) return known;
  const fresh: Fields = {};
  holder[name] = fresh;
  return fresh;
}
