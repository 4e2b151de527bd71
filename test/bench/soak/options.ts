import { mkdirSync } from "node:fs";
import { parseArgs } from "node:util";
import { positive, whole } from "../numbers.ts";

export interface SoakOptions {
  /** For how long calls are made, in seconds. */
  readonly seconds: number;
  /** Calls a second; `undefined`: as many as are usual, or fewer where the machine is too slow for them. */
  readonly rate: number | undefined;
  /** What the dice of the calls and of the provider start from. */
  readonly seed: number;
  /** The directory where the results are written. */
  readonly out: string;
}

/** Calls a second where nothing else is asked for. */
export const USUAL_RATE = 100;

/** The options in words, for the help. */
export const SOAK_OPTIONS: string = `  --soak           makes calls with and without faults, and fails where one harms another or leaves something behind
  --seconds N      for how long; default 60. Warming up and coming to rest take about 20 s more
  --minutes N      the same in minutes
  --rate N         calls a second; default ${USUAL_RATE}, or fewer where this machine is too slow for them
  --seed N         the calls and faults are the same ones for the same number; default 1
  --out DIR        where soak.json and soak.html are written; default test/bench/results
  --help           this text
`;

const HELP = `Calls a gateway at a constant rate, and looks whether it stays well whatever its provider and its callers do.

${SOAK_OPTIONS}`;

/** Reads the command line. Prints the help or what is wrong, and ends the process, where that is all there is to do. */
export function readSoakOptions(args: readonly string[]): SoakOptions {
  try {
    const { values } = parseArgs({
      args: [...args],
      options: {
        soak: { type: "boolean" },
        seconds: { type: "string" },
        minutes: { type: "string" },
        rate: { type: "string" },
        seed: { type: "string", default: "1" },
        out: { type: "string", default: "test/bench/results" },
        help: { type: "boolean", default: false },
      },
    });
    if (values.help) {
      process.stdout.write(HELP);
      process.exit(0);
    }
    const { seconds, minutes, rate, out } = values;
    if (seconds !== undefined && minutes !== undefined) throw new TypeError("Give --seconds or --minutes, not both.");
    makeDirectory(out);
    return {
      seconds: minutes === undefined ? positive("seconds", seconds ?? "60") : positive("minutes", minutes) * 60,
      rate: rate === undefined ? undefined : positive("rate", rate),
      seed: whole("seed", values.seed),
      out,
    };
  } catch (error) {
    process.stderr.write(`${error instanceof Error ? error.message : String(error)}\n\n${HELP}`);
    process.exit(2);
  }
}

/** Before the run: it would be a pity afterwards. */
function makeDirectory(path: string): void {
  try {
    mkdirSync(path, { recursive: true });
  } catch (error) {
    throw new TypeError(`--out: ${error instanceof Error ? error.message : String(error)}.`);
  }
}
