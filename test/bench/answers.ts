/** How many chunks each streamed answer has; the last one holds the usage. */
export const CHUNKS = 100;

/** How many writes the provider makes of a stream that it does not pace. */
const WRITES = 10;

const WORDS = "The answer comes in small pieces, and each of them is about as long as one token of a real model. ";

/** The text of the provider's whole answer. */
export const ANSWER: string = WORDS.repeat(2);

const usage = { prompt_tokens: 131, completion_tokens: 98, total_tokens: 229 };

/** The same in every answer and chunk. */
const head = {
  id: "chatcmpl-BxT7kQm2vR9sLw4NcYd1HfPa6Zu0e",
  created: 1753000000,
  model: "gpt-4o-mini-2024-07-18",
  service_tier: "default",
  system_fingerprint: "fp_34a54ae93c",
};

/** The provider's whole answer. */
export const completion: Buffer = Buffer.from(
  JSON.stringify({
    ...head,
    object: "chat.completion",
    choices: [
      {
        index: 0,
        message: { role: "assistant", content: ANSWER, refusal: null },
        logprobs: null,
        finish_reason: "stop",
      },
    ],
    usage,
  }),
);

const tokens = WORDS.split(/(?= )/);
const deltas = Array.from({ length: CHUNKS - 1 }, (_, at) => {
  if (at === 0) return { role: "assistant", content: "", refusal: null };
  return at === CHUNKS - 2 ? {} : { content: tokens[at % tokens.length] };
});
const choices = deltas.map((delta, at) => [
  { index: 0, delta, logprobs: null, finish_reason: at === deltas.length - 1 ? "stop" : null },
]);
const chunks = [
  ...choices.map((its) => ({
    ...head,
    object: "chat.completion.chunk",
    choices: its,
    usage: null,
    obfuscation: "q7X",
  })),
  { ...head, object: "chat.completion.chunk", choices: [], usage, obfuscation: "q7Xk2m" },
];

/** The provider's streamed answer, an event for each write. */
export const events: readonly Buffer[] = [...chunks.map((chunk) => JSON.stringify(chunk)), "[DONE]"].map((data) =>
  Buffer.from(`data: ${data}\n\n`),
);

/** The same with several events in each write, as a fast network delivers them. */
export const pieces: readonly Buffer[] = Array.from({ length: WRITES }, (_, at) =>
  Buffer.concat(events.slice((at * events.length) / WRITES, ((at + 1) * events.length) / WRITES)),
);
