import assert from "node:assert/strict";
import { setTimeout as sleep } from "node:timers/promises";
import { type Simulator, startSimulator } from "@gatewright/simulator";
import { type ExampleProcess, startExample } from "./gateway-process.ts";

// Gateways of one configuration, each a process, in front of one provider.

/** What a caller was answered. */
export interface Answered {
  readonly status: number;
  readonly headers: Headers;
  readonly text: string;
}

interface Readiness {
  readonly status: string;
  readonly redis?: string;
}

/** Gateways that run side by side. */
export interface Gateways {
  readonly all: readonly ExampleProcess[];
  readonly provider: Simulator;
  /** Makes a call at one of them. */
  ask(at: number, fields?: object, headers?: Readonly<Record<string, string>>): Promise<Answered>;
  /** Makes calls at each of them in the name of somebody else, until they are warm and all have found Redis. */
  warmUp(): Promise<void>;
  /** What `GET /readyz` of one of them says. */
  ready(at: number): Promise<Readiness>;
  close(): Promise<void>;
}

/** The key of the caller, and one of somebody else. */
const KEY = "key-of-team-a-0123456789";
const OTHER = "key-of-team-b-0123456789";

/** Starts gateways, which do not outlive the test. They find Redis at a port of the loopback. */
export async function startGateways(
  count: number,
  redisPort: number,
  environment: Readonly<Record<string, string>>,
): Promise<Gateways> {
  const provider = await startSimulator();
  const starts = Array.from({ length: count }, () =>
    startExample("gateway", {
      OPENAI_BASE_URL: provider.url,
      GATEWAY_KEYS: `team-a=${KEY},team-b=${OTHER}`,
      GATEWAY_REPLICAS: String(count),
      REDIS_URL: `redis://127.0.0.1:${redisPort}`,
      LOG_LEVEL: "silent",
      ...environment,
    }),
  );
  const all = await Promise.all(starts);
  const urlOf = (at: number): string => all[at % count]?.url ?? "";
  const ask: Gateways["ask"] = async (at, fields = {}, headers = {}) => {
    const answer = await fetch(`${urlOf(at)}/chat/completions`, {
      method: "POST",
      headers: { "content-type": "application/json", authorization: `Bearer ${KEY}`, ...headers },
      body: JSON.stringify({ model: "sim", messages: [{ role: "user", content: "Hello" }], ...fields }),
    });
    return { status: answer.status, headers: answer.headers, text: await answer.text() };
  };
  const ready: Gateways["ready"] = async (at) => {
    const answer = await fetch(urlOf(at).replace("/v1", "/readyz"));
    assert.equal(answer.status, 200);
    // What the example answers there.
    return (await answer.json()) as Readiness;
  };
  return {
    all,
    provider,
    ask,
    async warmUp() {
      const authorization = `Bearer ${OTHER}`;
      const giveUpAt = performance.now() + 20_000;
      for (let isUp = false; !isUp; ) {
        await Promise.all(Array.from({ length: 10 * count }, (_, at) => ask(at, {}, { authorization })));
        const states = await Promise.all(all.map((_, at) => ready(at)));
        isUp = states.every(({ redis }) => redis === "up");
        assert.ok(isUp || performance.now() < giveUpAt, JSON.stringify(states));
        await sleep(50);
      }
      provider.reset();
    },
    ready,
    async close() {
      await Promise.all(all.map((gateway) => gateway.close()));
      await provider.close();
    },
  };
}

/** How many answers there were of each status. */
export function statusesOf(answers: readonly Answered[]): Readonly<Record<number, number>> {
  const counts: Record<number, number> = {};
  for (const { status } of answers) counts[status] = (counts[status] ?? 0) + 1;
  return counts;
}
