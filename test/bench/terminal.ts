/** Prints a line. */
export function print(line: string): void {
  process.stdout.write(`${line}\n`);
}

/** Prints what is under way, over the line before it where there is a terminal. An empty line takes that away. */
export function progress(line: string): void {
  process.stderr.write(process.stderr.isTTY ? `\r\x1b[K${line}` : line && `${line}\n`);
}
