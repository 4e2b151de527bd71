import { type Choice, type Completion, chunkStart, type SimulatedToolCall } from "./completion.ts";
import type { Directives } from "./directives.ts";
import { tokensOf } from "./text.ts";

/** One event of a stream: its data, and whether it is a part of the answer, comes before all of them or after. */
export interface ChunkEvent {
  readonly data: string;
  readonly part: "start" | "content" | "finish" | "end";
}

/** A completion as OpenAI's stream of `chat.completion.chunk` events, up to and including `[DONE]`. */
export function* chunkEvents(
  completion: Completion,
  directives: Directives,
  includeUsage: boolean,
): Generator<ChunkEvent> {
  const { choices } = completion;
  const before = `${chunkStart(completion)},"choices":[`;
  const after = includeUsage ? `],"usage":null}` : "]}";
  const usage = `${before}],"usage":${JSON.stringify(completion.usage)}}`;
  const late = directives.usage === "always" || (includeUsage && directives.usage !== "early");
  const chunk = (index: number, delta: string, finish = "null") =>
    `${before}{"index":${index},"delta":${delta},"logprobs":null,"finish_reason":${finish}}${after}`;

  if (directives.usage === "early") yield { data: usage, part: "start" };
  const first = directives.norole ? '{"content":""}' : '{"role":"assistant","content":"","refusal":null}';
  for (const index of choices.keys()) yield { data: chunk(index, first), part: "start" };
  const speaking = choices.map((choice, index) => ({ index, deltas: deltasOf(choice, directives) }));
  while (speaking.length > 0) {
    for (const speaker of [...speaking]) {
      const { value: delta, done } = speaker.deltas.next();
      if (done) speaking.splice(speaking.indexOf(speaker), 1);
      else yield { data: chunk(speaker.index, delta), part: "content" };
    }
  }
  for (const [index, { finish }] of choices.entries()) {
    yield { data: chunk(index, "{}", `"${finish}"`), part: "finish" };
  }
  if (late && completion.usage !== undefined) yield { data: usage, part: "end" };
  if (!directives.nodone) yield { data: "[DONE]", part: "end" };
  if (directives["after-done"]) yield { data: chunk(0, '{"content":" after the end"}'), part: "end" };
}

function* deltasOf(choice: Choice, directives: Directives): Generator<string> {
  for (const token of tokensOf(choice.reasoning)) yield `{"reasoning_content":${JSON.stringify(token)}}`;
  for (const token of tokensOf(choice.content ?? "")) yield `{"content":${JSON.stringify(token)}}`;
  for (const token of tokensOf(choice.refusal ?? "")) yield `{"refusal":${JSON.stringify(token)}}`;
  for (const [index, call] of choice.toolCalls.entries()) yield* toolDeltas(call, directives.noindex ? {} : { index });
}

function* toolDeltas(
  { id, type, function: called }: SimulatedToolCall,
  position: { index?: number },
): Generator<string> {
  const begun = { ...position, id, type, function: { name: called.name, arguments: "" } };
  yield JSON.stringify({ tool_calls: [begun] });
  for (const part of called.arguments.match(/.{1,12}/gsu) ?? []) {
    yield JSON.stringify({ tool_calls: [{ ...position, function: { arguments: part } }] });
  }
}
