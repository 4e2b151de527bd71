import { type ChatChunk, type Handler, HeldChunks, type Limit, rateLimit } from "@gatewright/core";
import { chat } from "@gatewright/core/testing";
import { median } from "../statistics.ts";

const byModel = { windowMs: 60_000, per: ["caller", "model"] } as const;
/** Never reached, so that every call passes. */
const MUCH = 1e12;

const LAYERS: readonly { readonly name: string; readonly settles: boolean; readonly limits: readonly Limit[] }[] = [
  { name: "a window of requests", settles: false, limits: [{ requests: MUCH, ...byModel }] },
  {
    name: "a window and a bucket of requests",
    settles: false,
    limits: [
      { requests: MUCH, ...byModel },
      { requests: MUCH, refillPerSecond: 1e6, per: "address" },
    ],
  },
  {
    name: "requests and tokens, settled at the end",
    settles: true,
    limits: [
      { requests: MUCH, ...byModel },
      { tokens: MUCH, ...byModel },
    ],
  },
];

const ANSWER: ChatChunk = {
  choices: [{ index: 0, delta: { role: "assistant", content: "Hello" }, finish_reason: "stop" }],
  usage: { total_tokens: 12 },
};
const provider: Handler = async () => ({ headers: {}, chunks: new HeldChunks([ANSWER]) });

const CALLS = 50_000;
const ROUNDS = 8;

/** What limits add to a call, in microseconds: the median of rounds, each compared with the bare handler in the same round. */
export async function inMemory(): Promise<{ name: string; settles: boolean; microseconds: number }[]> {
  const layers = LAYERS.map(({ name, settles, limits }) => {
    const layer = rateLimit({ limits });
    const handler: Handler = (request) => layer(request, provider);
    const added: number[] = [];
    return { name, settles, handler, added };
  });
  for (let round = 0; round < ROUNDS; round++) {
    const bare = await microseconds(provider);
    for (const { handler, added } of layers) added.push((await microseconds(handler)) - bare);
  }
  // In the first rounds the code is compiled.
  return layers.map(({ name, settles, added }) => ({ name, settles, microseconds: median(added.slice(2)) }));
}

async function microseconds(handler: Handler): Promise<number> {
  const startedAt = performance.now();
  for (let call = 0; call < CALLS; call++) {
    const { chunks } = await handler(chat("Hello", { address: "192.0.2.1" }));
    for await (const _ of chunks);
  }
  return ((performance.now() - startedAt) * 1000) / CALLS;
}
