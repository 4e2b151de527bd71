import { existsSync, statSync, writeFileSync } from "node:fs";
import { UsageError } from "../command-line.ts";
import { InputError } from "./sources.ts";

/** Throws a `UsageError` where the page must not be written to this file: before a long read, not after it. */
export function checkHtmlFile(path: string, force: boolean, inputs: readonly string[]): void {
  if (!existsSync(path)) return;
  const { dev, ino } = statSync(path);
  const isInput = inputs.some((input) => {
    if (input === "-") return false;
    const stats = statSync(input);
    return stats.dev === dev && stats.ino === ino;
  });
  if (isInput) throw new UsageError(`--html names ${path}, which is a log to be read.`);
  if (!force) throw new UsageError(`${path} is there already. Name another file for --html, or add --force.`);
}

/** Writes the page. Throws an `InputError` that names the file. */
export function writeHtmlFile(path: string, html: string, force: boolean): void {
  try {
    writeFileSync(path, html, { flag: force ? "w" : "wx" });
  } catch (thrown) {
    const message = thrown instanceof Error ? thrown.message : String(thrown);
    throw new InputError(`The page cannot be written to ${path}: ${message}`);
  }
}
