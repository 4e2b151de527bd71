import assert from "node:assert/strict";
import type { ChatChunk, ChatReply } from "../chat.ts";
import type { Code } from "../codes.ts";
import { collect } from "../collect.ts";
import { GatewayError } from "../error.ts";
import { discard } from "../reply.ts";
import { chunksOf, type Outcome } from "./scripted.ts";

/** What a call fails with, which must be one of the gateway's errors. */
export async function failureOf(promise: Promise<unknown>): Promise<GatewayError> {
  const thrown: unknown = await promise.then(
    () => assert.fail("it did not fail"),
    (error: unknown) => error,
  );
  if (!(thrown instanceof GatewayError)) throw thrown;
  return thrown;
}

/** The text of an answer, which is read to its end. */
export async function textOf(reply: ChatReply | Promise<ChatReply>): Promise<unknown> {
  return (await collect(await reply)).choices[0]?.message.content;
}

/** The chunks of an answer, which is read to its end. */
export async function chunksIn({ chunks }: ChatReply): Promise<ChatChunk[]> {
  const got: ChatChunk[] = [];
  for await (const chunk of chunks) got.push(chunk);
  return got;
}

/** Lets everything that is ready run. */
export function settled(): Promise<void> {
  return new Promise((resolve) => setImmediate(resolve));
}

/** What counts against the health of a service; every other failure says nothing of it. */
export const OUTAGES: readonly Code[] = [
  "llm.provider.overloaded",
  "llm.provider.server_error",
  "llm.provider.unreachable",
  "llm.provider.bad_response",
  "llm.timeout.connect",
  "llm.timeout.first_token",
  "llm.timeout.idle",
  "llm.stream.interrupted",
];

const BUSY = new GatewayError("llm.provider.overloaded", "busy");

/** What happens below a call, and what its caller does; `leave` aborts the call's signal. */
export type Way = readonly [outcome: Outcome, end: (replying: Promise<ChatReply>, leave: () => void) => unknown];

/** The ways in which a call may end without a whole answer: each is how "a call that …" ends. */
export const UNFINISHED: Readonly<Record<string, Way>> = {
  "fails before it begins": [BUSY, (replying) => assert.rejects(replying, (thrown) => thrown === BUSY)],
  "fails in the middle": [
    [...chunksOf("a").slice(0, 2), BUSY],
    async (replying) => assert.rejects(collect(await replying), { code: BUSY.code }),
  ],
  "is cut": [
    chunksOf("a").slice(0, 2),
    async (replying) => assert.rejects(collect(await replying), { code: "llm.stream.interrupted" }),
  ],
  "is left by its reader": [
    chunksOf("a", "b"),
    async (replying) => {
      for await (const _ of (await replying).chunks) break;
    },
  ],
  "is let go unread": [chunksOf("a"), async (replying) => discard(await replying)],
  "is never read, and its caller goes": [
    chunksOf("a"),
    async (replying, leave) => {
      await replying;
      leave();
    },
  ],
  "is canceled before it begins, by a handler that ignores it": [() => new Promise(() => {}), canceled],
  "is canceled before it begins": [
    ({ call: { signal } }) =>
      new Promise((_, reject) => signal.addEventListener("abort", () => reject(signal.reason), { once: true })),
    canceled,
  ],
};

async function canceled(replying: Promise<ChatReply>, leave: () => void): Promise<void> {
  await settled();
  leave();
  await assert.rejects(replying, { code: "llm.canceled" });
}
