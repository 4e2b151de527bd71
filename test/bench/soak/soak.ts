import { writeFileSync } from "node:fs";
import { join } from "node:path";
import { machine } from "../machine.ts";
import { coresToPin } from "../pinning.ts";
import { print, progress } from "../terminal.ts";
import type { ClientResult } from "./client.ts";
import { reportPage } from "./html.ts";
import { type Check, crash, judgeAnswers, judgeRest, judgeWrongs } from "./judge.ts";
import { readSoakOptions, USUAL_RATE } from "./options.ts";
import { type Report, reportText } from "./report.ts";
import { type Pulses, type Rests, type Rig, startRig } from "./rig.ts";
import { type Load, run, type Sample } from "./run.ts";

const FAULT_SHARE = 0.1;
/** More faults than later: every kind has its turn, and what they need is compiled and loaded before it is compared. */
const WARM_UP = { seconds: 6, faultShare: 0.3 };
/** How busy the busiest process may be at the usual rate. */
const BUSY = 0.7;
/** One slot for each caller for so many calls a second: few enough that some have to wait. */
const SLOTS = 8;
/** How often progress is told where there is no terminal, in seconds. */
const EVERY_S = 5;

/** Loads a gateway with calls and faults, and looks whether it stays well. Reads the command line, sets the exit code. */
export async function soak(args: readonly string[]): Promise<void> {
  const options = readSoakOptions(args);
  const facts = machine();
  print(`Node ${facts.node}, ${facts.cores} cores (${facts.processor}), load average ${facts.loadAverage.toFixed(2)}`);
  const rate = options.rate ?? USUAL_RATE;
  const slots = Math.max(10, Math.ceil(rate / SLOTS));
  const rig = await startRig(options.seed, slots, coresToPin()).catch((error: Error) => {
    process.stderr.write(`The soak cannot start: ${error.message}\n`);
    process.exit(1);
  });
  const samples: Sample[] = [];
  let load: Load = { seconds: options.seconds, rate, faultShare: FAULT_SHARE };
  /** What was wrong in the warm-up already. */
  const early: Check[] = [];
  let ended: Ended;
  try {
    ended = await Promise.race([rig.died, soaked()]);
  } catch (error) {
    ended = await afterCrash(rig, error);
  } finally {
    progress("");
    rig.stop();
  }

  async function soaked(): Promise<Ended> {
    const warm = await run(rig, { ...WARM_UP, rate }, teller("warming up", WARM_UP.seconds));
    const wrong = judgeAnswers(warm.result).filter(({ ok }) => !ok);
    early.push(...wrong.map((check) => ({ ...check, name: `in the warm-up: ${check.name}` })));
    if (options.rate === undefined && warm.busy > BUSY) load = { ...load, rate: Math.ceil((rate * BUSY) / warm.busy) };
    progress("");
    print(`${load.rate} calls a second for ${load.seconds} s, ${FAULT_SHARE * 100} % of them with a fault\n`);
    if (load.rate < rate) print(`This machine is too slow for ${rate} calls a second.\n`);
    const tell = teller("soak", load.seconds);
    const { result, rests, busy } = await run(rig, load, (sample, pulses) => {
      samples.push(sample);
      tell(sample, pulses);
    });
    const failures = [...warm.result.failures, ...result.failures];
    const checks = [...judgeAnswers(result), ...judgeRest(warm.rests, rests)];
    return { result: { ...result, failures }, busy, rests: { before: warm.rests, after: rests }, checks };
  }

  const { result, busy, rests } = ended;
  const checks = [...early, ...ended.checks];
  const troubles = rests
    ? [rests.after.gateway, rests.after.provider, rests.after.client].flatMap((rest) => rest.troubles)
    : [];
  const opened = (rests?.after.pulses.gateway.opened ?? 0) - (rests?.before.pulses.gateway.opened ?? 0);
  const report: Report = { machine: facts, load, seed: options.seed, checks, samples, result, busy, opened, troubles };
  print(reportText(report));
  const [json, html] = [join(options.out, "soak.json"), join(options.out, "soak.html")];
  writeFileSync(json, `${JSON.stringify({ ...report, rests }, null, 2)}\n`);
  writeFileSync(html, reportPage(report));
  print(`\nWritten to ${json} and ${html}`);
  const failed = checks.filter(({ ok }) => !ok);
  print(
    failed.length === 0 ? "Passed." : `FAILED: ${failed.map(({ name, found }) => `${name} (${found})`).join("; ")}`,
  );
  if (failed.length > 0) process.exitCode = 1;
}

interface Ended {
  readonly result: ClientResult | undefined;
  readonly busy: number;
  readonly rests: { readonly before: Rests; readonly after: Rests } | undefined;
  readonly checks: readonly Check[];
}

/** What can still be told once a process has died. */
async function afterCrash(rig: Rig, error: unknown): Promise<Ended> {
  const message = error instanceof Error ? error.message : String(error);
  const asked = rig.askClient<ClientResult>({ ask: "give up" }).catch(() => undefined);
  const result = await Promise.race([
    asked,
    new Promise<undefined>((resolve) => setTimeout(() => resolve(undefined), 2000).unref()),
  ]);
  return { result, busy: 0, rests: undefined, checks: [crash(message), ...(result ? judgeWrongs(result) : [])] };
}

/** Tells how it goes: each second on a terminal, over itself, else now and then. */
function teller(what: string, seconds: number): (sample: Sample, pulses: Pulses) => void {
  return ({ at, made, open, openStreams, heapMb, loopDelayMs }, { client }) => {
    if (!process.stderr.isTTY && Math.round(at) % EVERY_S !== 0) return;
    const calls = `${made} calls, ${open} open (${openStreams} streams), ${client.failed} failed`;
    const state = `heap ${heapMb.toFixed(0)} MiB, loop delay ${loopDelayMs.toFixed(0)} ms`;
    const when = client.calling ? `${at.toFixed(0)} of ${seconds} s` : "over, the last calls";
    progress(`${what} ${when}: ${calls}; ${state}`);
  };
}
