import { parseArgs } from "node:util";
import type { Plan } from "./measure.ts";
import { positive, whole } from "./numbers.ts";
import { contenders } from "./servers.ts";
import { SOAK_OPTIONS } from "./soak/options.ts";

export interface Options extends Plan {
  /** Where the results are written as JSON. */
  readonly json: string;
  /** The servers that take part; the provider alone always does. */
  readonly names: readonly string[];
  /** Whether a ratio that is far from its aim fails the run. */
  readonly fail: boolean;
}

const RESULTS = "test/bench/results/latest.json";

const HELP = `Compares gateways with bare servers that do the same work.

  --seconds N      how long each server is loaded in each round, once for each kind of call; default 0.5
  --rounds N       how many rounds; default 10
  --concurrency N  how many calls are under way at a time; default 16
  --only NAME      only this server; may be given several times: ${Object.keys(contenders).join(", ")}
  --json FILE      where the results are written; default ${RESULTS}
  --no-fail        exit with 0 whatever the ratios are
  --help           this text

With --limits it measures something else: what rate limits cost in memory, and on Redis beside the bare script.

With --soak it does something else: calls a gateway at a constant rate, faults and all, and looks whether it stays well.

${SOAK_OPTIONS}`;

/** Reads the command line. Prints the help or what is wrong, and ends the process, where that is all there is to do. */
export function readOptions(args: readonly string[]): Options {
  try {
    const { values } = parseArgs({
      args: [...args],
      allowNegative: true,
      options: {
        seconds: { type: "string", default: "0.5" },
        rounds: { type: "string", default: "10" },
        concurrency: { type: "string", default: "16" },
        only: { type: "string", multiple: true, default: Object.keys(contenders) },
        json: { type: "string", default: RESULTS },
        fail: { type: "boolean", default: true },
        help: { type: "boolean", default: false },
      },
    });
    if (values.help) {
      process.stdout.write(HELP);
      process.exit(0);
    }
    const unknown = values.only.find((name) => !Object.hasOwn(contenders, name));
    if (unknown !== undefined) throw new TypeError(`There is no server "${unknown}".`);
    return {
      seconds: positive("seconds", values.seconds),
      rounds: whole("rounds", values.rounds),
      concurrency: whole("concurrency", values.concurrency),
      json: values.json,
      names: Object.keys(contenders).filter((name) => name === "provider" || values.only.includes(name)),
      fail: values.fail,
    };
  } catch (error) {
    process.stderr.write(`${error instanceof Error ? error.message : String(error)}\n\n${HELP}`);
    process.exit(2);
  }
}
