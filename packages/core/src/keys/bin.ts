#!/usr/bin/env node
import { keyCommand } from "./command.ts";

/** More than any key; what follows is not read. */
const MAX_INPUT = 4096;

async function input(): Promise<string> {
  let read = "";
  for await (const piece of process.stdin.setEncoding("utf8")) {
    read += String(piece);
    if (read.length > MAX_INPUT) break;
  }
  return read;
}

process.exitCode = await keyCommand(process.argv.slice(2), {
  out: (text) => process.stdout.write(text),
  note: (text) => process.stderr.write(text),
  input,
  now: Date.now,
});
