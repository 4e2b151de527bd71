import { ANSWER, CHUNKS } from "./answers.ts";

/** A completion, a stream as fast as it can be read, or a stream whose chunks come one at a time. */
export type Kind = "completions" | "streams" | "paced streams";

/** What the client sends, and how it checks what comes back. */
export interface CallKind {
  readonly body: string;
  /** What is wrong with an answer's text, or `undefined` where nothing is. */
  readonly fault: (text: string) => string | undefined;
}

/** The key of every caller. */
export const KEY = "sk-bench-0123456789abcdef";

/** The `user` of a call that asks the provider to pace its stream. */
export const PACED = "paced";

const call = {
  model: "gpt-4o-mini-2024-07-18",
  messages: [
    { role: "system", content: "You are the assistant of a company that sells bicycles. Answer shortly and politely." },
    { role: "user", content: "Which of your bicycles can I take with me on a train without paying for it?" },
    { role: "assistant", content: "The folding ones: folded, they count as luggage. We sell three of them." },
    { role: "user", content: `Tell me more about the lightest one. ${"It has to fit under a seat. ".repeat(8)}` },
  ],
  temperature: 0.7,
  max_tokens: 512,
  user: "customer-4711",
};
// Without it, a gateway would keep the last chunk for itself, and the answers would differ.
const stream = { ...call, stream: true, stream_options: { include_usage: true } };

export const kinds: Readonly<Record<Kind, CallKind>> = {
  completions: {
    body: JSON.stringify(call),
    fault: (text) => (text.includes(`"content":"${ANSWER}"`) && text.endsWith("}") ? undefined : "is another one"),
  },
  streams: { body: JSON.stringify(stream), fault: faultOfStream },
  "paced streams": { body: JSON.stringify({ ...stream, user: PACED }), fault: faultOfStream },
};

/** The kinds in the order in which they are measured. */
export const kindNames: readonly Kind[] = ["completions", "streams", "paced streams"];

function faultOfStream(text: string): string | undefined {
  if (!text.endsWith("data: [DONE]\n\n")) return "does not end with [DONE]";
  const chunks = text.split("\n\n").length - 2;
  return chunks === CHUNKS ? undefined : `has ${chunks} chunks, not ${CHUNKS}`;
}
