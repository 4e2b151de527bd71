import { type ChildProcess, spawn } from "node:child_process";
import { once } from "node:events";
import { fileURLToPath } from "node:url";

export type Example =
  | "gateway"
  | "in-express"
  | "in-koa"
  | "in-process"
  | "ask-a-transcript"
  | "own-step"
  | "repaired-output"
  | "validated-output";

/** How a process ended: with an exit code, or by a signal. */
export interface Ended {
  readonly code: number | null;
  readonly signal: NodeJS.Signals | null;
  readonly stdout: string;
  readonly stderr: string;
}

/** An example that runs as a process of its own. */
export interface ExampleProcess {
  /** The URL of its gateway as it printed it, with the version: `http://127.0.0.1:1234/v1`. */
  readonly url: string;
  /** What it has printed so far. */
  readonly stdout: string;
  readonly stderr: string;
  /** Resolves once a whole line matches, printed before or from now on. Rejects where the process ends without one. */
  printed(line: RegExp): Promise<RegExpExecArray>;
  signal(name: NodeJS.Signals): void;
  /** Resolves when it has ended, however it did. */
  readonly ended: Promise<Ended>;
  /** Ends it as an operator does, and waits: asks, and where that takes too long insists. */
  close(): Promise<Ended>;
}

const URL_LINE = /http:\/\/[^/\s]+\/v1(?=$|\s)/;

type Environment = Readonly<Record<string, string>>;

/** Starts an example on a free port and waits for the URL it prints. Of the environment it sees only what is given. */
export async function startExample(name: Example, environment: Environment = {}): Promise<ExampleProcess> {
  const running = run(name, { PORT: "0", ...environment });
  const [url] = await running.printed(URL_LINE);
  return Object.defineProperty(running, "url", { value: url });
}

/** Runs an example that ends by itself; one that serves instead is ended, and its URL is in what it printed. */
export async function runExample(name: Example, environment: Environment = {}): Promise<Ended> {
  const running = run(name, environment);
  await Promise.race([running.ended, running.printed(URL_LINE).then(running.close, () => {})]);
  return running.ended;
}

/** Compiled code is kept between starts: there are some fifty, and loading is most of each. */
const NODE_COMPILE_CACHE = fileURLToPath(new URL("../node_modules/.cache/compile", import.meta.url));

/** Longer than it takes to end a gateway whose calls are over. */
const PATIENCE_MS = 5000;

const alive = new Set<ChildProcess>();
process.once("exit", () => {
  for (const child of alive) child.kill("SIGKILL");
});
for (const signal of ["SIGINT", "SIGTERM"]) process.once(signal, () => process.exit(1));

function run(name: Example, environment: Environment): ExampleProcess {
  const main = fileURLToPath(new URL(`../examples/${name}/main.ts`, import.meta.url));
  const child = spawn(process.execPath, [main], {
    env: { PATH: process.env.PATH, NODE_COMPILE_CACHE, ...environment },
    stdio: ["ignore", "pipe", "pipe"],
  });
  alive.add(child);
  let stdout = "";
  let stderr = "";
  child.stdout.setEncoding("utf8").on("data", (text: string) => {
    stdout += text;
  });
  child.stderr.setEncoding("utf8").on("data", (text: string) => {
    stderr += text;
  });
  const ended = once(child, "close").then(([code, signal]): Ended => {
    alive.delete(child);
    return { code, signal, stdout, stderr };
  });
  return {
    url: "",
    get stdout() {
      return stdout;
    },
    get stderr() {
      return stderr;
    },
    ended,
    async printed(line) {
      for (;;) {
        const match = firstLine(stdout, line);
        if (match) return match;
        if (!alive.has(child)) throw new Error(`${name} ended without printing ${line}.\n${stdout}${stderr}`);
        await Promise.race([once(child.stdout, "data"), ended]);
      }
    },
    signal: (which) => void child.kill(which),
    close() {
      child.kill("SIGTERM");
      const insist = setTimeout(() => child.kill("SIGKILL"), PATIENCE_MS);
      return ended.finally(() => clearTimeout(insist));
    },
  };
}

function firstLine(text: string, wanted: RegExp): RegExpExecArray | undefined {
  const lines = text.split("\n").slice(0, -1);
  for (const line of lines) {
    const match = wanted.exec(line);
    if (match) return match;
  }
  return undefined;
}
