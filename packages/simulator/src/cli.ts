#!/usr/bin/env node
import { parseArgs } from "node:util";
import { chaosFaults } from "./chaos.ts";
import { plainTable } from "./directive-table.ts";
import { type Simulator, startSimulator } from "./start-simulator.ts";

const usage = `Usage: gatewright-simulator [--port 8788] [--host 127.0.0.1] [--seed 1] [--api-key KEY] [--help]

Speaks OpenAI's chat completions API on a local port, and fails on request. What happens is said by the model name, as
in "sim+status=429+retry-after=2", or by the header "x-simulate: status=429, retry-after=2".

${plainTable()}

chaos picks from: ${[...chaosFaults.any, ...chaosFaults.stream].join(", ")}.
`;

async function main(): Promise<void> {
  const { values } = parseArgs({
    options: {
      port: { type: "string", default: "8788" },
      host: { type: "string", default: "127.0.0.1" },
      seed: { type: "string", default: "1" },
      "api-key": { type: "string" },
      help: { type: "boolean", short: "h", default: false },
    },
  });
  if (values.help) return console.log(usage);
  const apiKey = values["api-key"];
  if (values.host === "") throw new TypeError("--host needs a name or an address.");
  if (apiKey === "") throw new TypeError("--api-key needs a key.");
  const port = wholeNumber("port", values.port, 0, 65_535);
  const seed = wholeNumber("seed", values.seed, -(2 ** 53), 2 ** 53);
  const simulator = await startSimulator({ port, host: values.host, seed, apiKey }).catch((error: Error) => {
    throw new Error(`Cannot listen with --host ${values.host} --port ${port}: ${error.message}.`);
  });
  announce(simulator, apiKey);
  for (const signal of ["SIGINT", "SIGTERM"]) process.once(signal, () => void simulator.close());
}

function wholeNumber(name: string, text: string, least: number, most: number): number {
  const number = Number(text);
  if (/^-?\d+$/.test(text) && number >= least && number <= most) return number;
  throw new TypeError(`--${name} needs a whole number from ${least} to ${most}, not "${text}".`);
}

function announce({ url }: Simulator, apiKey: string | undefined): void {
  const key = apiKey === undefined ? "" : `-H "authorization: Bearer ${apiKey}" `;
  const body = `'{"model":"sim","messages":[{"role":"user","content":"Hello there"}]}'`;
  console.log(`The simulator listens on ${url}\n`);
  console.log(`  curl ${url}/chat/completions ${key}-H "content-type: application/json" -d ${body}\n`);
  console.log("What it can simulate: gatewright-simulator --help");
}

try {
  await main();
} catch (error) {
  console.error(error instanceof Error ? error.message : error);
  process.exitCode = 1;
}
