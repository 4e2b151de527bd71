import { mkdirSync, writeFileSync } from "node:fs";
import { dirname } from "node:path";
import { fileURLToPath } from "node:url";
import { ratiosOf } from "./aims.ts";
import { type Child, startChild } from "./child.ts";
import { machine } from "./machine.ts";
import { measureInRounds, type Running } from "./measure.ts";
import { readOptions } from "./options.ts";
import { coresToPin } from "./pinning.ts";
import { doubts, ratioTable, resultTable } from "./report.ts";
import type { ServerQuestion } from "./serve.ts";
import { contenders } from "./servers.ts";
import { print, progress } from "./terminal.ts";

/** The kinds of calls share code, which is compiled anew when another kind comes to it: each has two turns. */
const WARM_UP = { rounds: 2, seconds: 1 };

/** Compares the servers, prints the table and writes it. Reads the command line. */
export async function compare(args: readonly string[]): Promise<void> {
  const options = readOptions(args);
  const { names, rounds, seconds, concurrency } = options;
  const facts = machine();
  const cores = coresToPin();
  const pinned = cores
    ? `servers on core ${cores.server}, client on ${cores.client}, provider on ${cores.provider}`
    : "no: processes move between cores, and the numbers are rougher";
  print(`Node ${facts.node}, ${facts.cores} cores (${facts.processor}), load average ${facts.loadAverage.toFixed(2)}`);
  print(`Pinned: ${pinned}`);
  print(`${rounds} rounds of ${seconds} s for each server and kind of call, ${concurrency} calls at a time\n`);

  const children: Child[] = [];
  const start = (module: string, args: readonly string[], core: string | undefined): Child => {
    const child = startChild(fileURLToPath(new URL(module, import.meta.url)), args, core);
    children.push(child);
    return child;
  };
  try {
    const client = start("./load.ts", [], cores?.client);
    const servers: Running[] = [];
    for (const name of names) {
      const [provider] = servers;
      const core = provider ? cores?.server : cores?.provider;
      const child = start("./serve.ts", provider ? [name, provider.url] : [name], core);
      const url = await child.ask<string>("url" satisfies ServerQuestion);
      servers.push({ name, title: contenders[name]?.title ?? name, url, child });
    }
    await measureInRounds(client, servers, { ...WARM_UP, concurrency }, (_, kind, { title }) => {
      progress(`warm-up: ${title}, ${kind}`);
    });
    const results = await measureInRounds(
      client,
      servers,
      { rounds, seconds, concurrency },
      (round, kind, { title }) => {
        progress(`round ${round} of ${rounds}: ${title}, ${kind}`);
      },
    );
    progress("");

    const ratios = ratiosOf(results);
    print(resultTable(results));
    if (ratios.length > 0) print(`\n${ratioTable(ratios)}`);
    for (const doubt of doubts(results, facts.loadAverage)) print(`\n${doubt}`);
    mkdirSync(dirname(options.json), { recursive: true });
    writeFileSync(options.json, `${JSON.stringify({ machine: facts, cores, options, results, ratios }, null, 2)}\n`);
    print(`\nWritten to ${options.json}`);
    if (options.fail && ratios.some(({ failed }) => failed)) {
      print("An aim is missed by more than 10 %.");
      process.exitCode = 1;
    }
  } finally {
    for (const child of children) child.stop();
  }
}
