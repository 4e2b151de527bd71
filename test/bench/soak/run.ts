import { setTimeout as pause } from "node:timers/promises";
import type { ClientResult } from "./client.ts";
import type { Pulses, Rests, Rig } from "./rig.ts";

/** How things were at one second of the run. */
export interface Sample {
  /** Seconds since the first call. */
  readonly at: number;
  readonly heapMb: number;
  readonly rssMb: number;
  /** Of the gateway, the worst of the last second. */
  readonly loopDelayMs: number;
  readonly openStreams: number;
  readonly open: number;
  /** Calls that wait for a slot of `concurrency`. */
  readonly waiting: number;
  readonly made: number;
}

/** What is to be done for how long. */
export interface Load {
  readonly seconds: number;
  readonly rate: number;
  readonly faultShare: number;
}

/** What one load came to. */
export interface Ran {
  readonly result: ClientResult;
  /** How busy the busiest process was, as a share of the time; without the first second. */
  readonly busy: number;
  /** The state of all processes once everything had come to rest. */
  readonly rests: Rests;
}

/** How long calls that are under way at the end may take: longer than any limit of the gateway. */
const PATIENCE_MS = 15_000;
/** How long everything may take to come to rest, and takes at the least. */
const REST_MS = 8000;
const LEAST_REST_MS = 1500;

/** Loads the gateway, waits until everything is at rest again, and looks at what is left. */
export async function run(rig: Rig, load: Load, onSample: (sample: Sample, pulses: Pulses) => void): Promise<Ran> {
  const startedAt = performance.now();
  const seconds = (): number => (performance.now() - startedAt) / 1000;
  await rig.pulses();
  await rig.askClient({ ask: "load", url: rig.url, ...load });
  const busy: number[] = [];
  for (let next = 1; ; next++) {
    await pause(Math.max(0, next * 1000 - seconds() * 1000));
    const pulses = await rig.pulses();
    const { gateway, client, provider } = pulses;
    const { heapMb, rssMb, loopDelayMs, waiting } = gateway;
    const { made, open, openStreams, calling } = client;
    onSample({ at: seconds(), heapMb, rssMb, loopDelayMs, openStreams, open, waiting, made }, pulses);
    if (next > 1 && calling) busy.push(Math.max(gateway.busy, client.busy, provider.busy));
    const late = seconds() > load.seconds + PATIENCE_MS / 1000;
    if (!calling && (open === 0 || late)) break;
  }
  const result = await rig.askClient<ClientResult>({ ask: "finish" });
  await comeToRest(rig);
  const sum = busy.reduce((all, each) => all + each, 0);
  return { result, busy: busy.length > 0 ? sum / busy.length : 0, rests: await rig.rests() };
}

async function comeToRest(rig: Rig): Promise<void> {
  const startedAt = performance.now();
  for (;;) {
    await pause(250);
    const { gateway, provider } = await rig.pulses();
    const held = gateway.connections + gateway.inFlight + gateway.waiting + gateway.unended;
    const waited = performance.now() - startedAt;
    const quiet = held + provider.open + provider.connections === 0;
    if ((quiet && waited > LEAST_REST_MS) || waited > REST_MS) return;
  }
}
