#!/usr/bin/env node
import { isatty } from "node:tty";
import { explainCommand } from "./command.ts";
import { lookOf } from "./look.ts";

// Who reads only the beginning, such as head, wants no more and no complaint.
process.stdout.on("error", (error: NodeJS.ErrnoException) => {
  if (error.code !== "EPIPE") throw error;
  process.exit();
});

process.exitCode = await explainCommand(process.argv.slice(2), {
  out: (text) => process.stdout.write(text),
  note: (text) => process.stderr.write(text),
  input: () => process.stdin,
  inputIsTerminal: isatty(0),
  now: Date.now,
  look: lookOf(process.env, process.stdout),
  progress: process.stderr.isTTY ? (text) => process.stderr.write(text) : undefined,
});
