import { type Kind, kindNames } from "./calls.ts";
import type { Child } from "./child.ts";
import type { Outcome, Task } from "./load.ts";
import type { ServerQuestion, Used } from "./serve.ts";

/** A server that runs. */
export interface Running {
  readonly name: string;
  readonly title: string;
  readonly url: string;
  readonly child: Child;
}

/** One turn of one server under one kind of load. */
export interface Turn {
  readonly perSecond: number;
  readonly p50Ms: number;
  readonly p99Ms: number;
  /** CPU time of the server's process for each call. */
  readonly cpuMs: number;
  /** Which part of one core the server's process used. */
  readonly busy: number;
  /** Of the server's process since it started. */
  readonly peakRssMb: number;
}

/** Whether it was the server that limited the rate of a turn: not the client, and not what else the machine did. */
export function limits({ busy }: Turn): boolean {
  return busy >= 0.85;
}

/** Loads a server and measures it. Throws where a single answer was wrong: then there is nothing to compare. */
export async function measure(client: Child, server: Running, load: Omit<Task, "url">): Promise<Turn> {
  const used = (): Promise<Used> => server.child.ask<Used>("used" satisfies ServerQuestion);
  const before = await used();
  const outcome = await client.ask<Outcome>({ ...load, url: server.url });
  const after = await used();
  const { calls, seconds, p50Ms, p99Ms, errors, firstError } = outcome;
  if (errors > 0) throw new Error(`${server.title}: ${errors} of ${calls + errors} ${load.kind} failed: ${firstError}`);
  const cpuMs = after.cpuMs - before.cpuMs;
  return {
    perSecond: calls / seconds,
    p50Ms,
    p99Ms,
    cpuMs: cpuMs / calls,
    busy: cpuMs / 1000 / seconds,
    peakRssMb: after.peakRssMb,
  };
}

/** How often, for how long and by how many callers each server is loaded with each kind of call. */
export interface Plan {
  readonly rounds: number;
  readonly seconds: number;
  readonly concurrency: number;
}

/** The turns of each server by its name; those at the same place were made in the same round. */
export type Results = Readonly<Record<string, Readonly<Record<Kind, readonly Turn[]>>>>;

/**
 * Gives every server a turn in every round, so that what the machine does beside this concerns all of them alike. Every
 * other round goes backwards, so that none always comes after the same one.
 */
export async function measureInRounds(
  client: Child,
  servers: readonly Running[],
  { rounds, seconds, concurrency }: Plan,
  onTurn: (round: number, kind: Kind, server: Running) => void,
): Promise<Results> {
  const results: Record<string, Record<Kind, Turn[]>> = {};
  for (const { name } of servers) results[name] = { completions: [], streams: [], "paced streams": [] };
  for (let round = 1; round <= rounds; round++) {
    for (const kind of kindNames) {
      for (const server of round % 2 === 1 ? servers : servers.toReversed()) {
        onTurn(round, kind, server);
        results[server.name]?.[kind].push(await measure(client, server, { kind, seconds, concurrency }));
      }
    }
  }
  return results;
}
