import { fileURLToPath } from "node:url";
import { type Child, startChild } from "../child.ts";
import type { Cores } from "../pinning.ts";
import type { ClientPulse, ClientQuestion } from "./client.ts";
import type { GatewayPulse, GatewayQuestion } from "./gateway.ts";
import type { ProviderPulse, ProviderQuestion } from "./provider.ts";
import type { Rest } from "./watch.ts";

/** How all processes are at one moment. */
export interface Pulses {
  readonly provider: ProviderPulse;
  readonly gateway: GatewayPulse;
  readonly client: ClientPulse;
}

/** The same where nothing is under way. */
export interface Rests {
  readonly provider: Rest;
  readonly gateway: Rest;
  readonly client: Rest;
  readonly pulses: Pulses;
}

/** The processes of a soak. */
export interface Rig {
  /** Where the gateway listens. */
  readonly url: string;
  /** Rejects once a process has ended that nobody stopped. */
  readonly died: Promise<never>;
  pulses(): Promise<Pulses>;
  rests(): Promise<Rests>;
  askClient<Answer>(question: ClientQuestion): Promise<Answer>;
  /** Ends all processes, also one that hangs. */
  stop(): void;
}

/** How long a process may take to answer before it counts as hanging. */
const HANGING_MS = 15_000;

const MODULE = fileURLToPath(new URL("../soak-child.ts", import.meta.url));

/** Starts the provider, the gateway and the client. `slots` is how many calls each caller may have in flight. */
export async function startRig(seed: number, slots: number, cores: Cores | undefined): Promise<Rig> {
  const children: Child[] = [];
  const deaths: Promise<never>[] = [];
  let stopped = false;
  const start = (role: string, args: readonly string[], core: string | undefined): Child => {
    const child = startChild(MODULE, [role, ...args], core);
    children.push(child);
    const death = child.ended.then((how) => {
      if (!stopped) throw new Error(`The ${role}'s process ${how}.`);
      return new Promise<never>(() => {});
    });
    death.catch(() => {});
    deaths.push(death);
    return child;
  };
  const stop = (): void => {
    stopped = true;
    for (const child of children) child.kill();
  };

  try {
    const provider = start("provider", [String(seed)], cores?.provider);
    const providerUrl = await provider.ask<string>("url" satisfies ProviderQuestion);
    const gateway = start("gateway", [providerUrl, String(slots)], cores?.server);
    const url = await gateway.ask<string>("url" satisfies GatewayQuestion);
    const client = start("client", [String(seed)], cores?.client);
    const died = Promise.race(deaths);
    died.catch(() => {});
    const askClient = <Answer>(question: ClientQuestion): Promise<Answer> =>
      unlessHanging("client", client.ask<Answer>({ ...question }));

    const pulses = async (): Promise<Pulses> => {
      const [ofProvider, ofGateway, ofClient] = await Promise.all([
        unlessHanging("provider", provider.ask<ProviderPulse>("pulse" satisfies ProviderQuestion)),
        unlessHanging("gateway", gateway.ask<GatewayPulse>("pulse" satisfies GatewayQuestion)),
        askClient<ClientPulse>({ ask: "pulse" }),
      ]);
      return { provider: ofProvider, gateway: ofGateway, client: ofClient };
    };
    const rests = async (): Promise<Rests> => {
      const [ofProvider, ofGateway, ofClient] = await Promise.all([
        unlessHanging("provider", provider.ask<Rest>("rest" satisfies ProviderQuestion)),
        unlessHanging("gateway", gateway.ask<Rest>("rest" satisfies GatewayQuestion)),
        askClient<Rest>({ ask: "rest" }),
      ]);
      return { provider: ofProvider, gateway: ofGateway, client: ofClient, pulses: await pulses() };
    };
    return { url, died, pulses, rests, askClient, stop };
  } catch (error) {
    stop();
    throw error;
  }
}

/** An answer, or an error where the process gives none for so long. */
function unlessHanging<Answer>(role: string, answer: Promise<Answer>): Promise<Answer> {
  return new Promise((resolve, reject) => {
    const hangs = new Error(`The ${role}'s process hangs: it has not answered for ${HANGING_MS / 1000} s.`);
    const timer = setTimeout(() => reject(hangs), HANGING_MS);
    answer.then(resolve, reject).finally(() => clearTimeout(timer));
  });
}
