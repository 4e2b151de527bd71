import { type CallRecord, type LogSink, redact } from "@gatewright/core";
import { destination, type Logger, pino, stdTimeFunctions } from "pino";

/** Lines of JSON on the standard output. */
export interface Logs {
  /** What the gateway itself has to say. */
  readonly log: Logger;
  /** One line a call. */
  readonly calls: LogSink;
  /** How many writes were lost, as whoever reads them is too slow or gone. */
  readonly lost: () => number;
  /** Writes all that is waiting, and nothing more; resolves then, or after half a second: just before the process ends. */
  readonly close: () => Promise<void>;
}

/** How much waits for a slow reader, in bytes; past it, lines are lost. */
const MAX_WAITING = 8 * 1024 * 1024;

const CLOSE_MS = 500;

/**
 * Writes without waiting: whoever reads the lines slowly, or not at all, neither slows a call nor ends the gateway. What ends the
 * process unforeseen is told without credentials.
 */
export function startLogs(level: string): Logs {
  const output = destination({ dest: 1, sync: false, maxLength: MAX_WAITING });
  let lost = 0;
  const count = (): void => void lost++;
  output.on("drop", count).on("error", count);
  // What is left when the process ends would be written until it is written: on a disk that is full, for ever.
  process.prependOnceListener("exit", () => output.destroy());
  let closing: Promise<void> | undefined;
  const close = (): Promise<void> => {
    // Its `flush` does not wait for what is being written, where lines are not gathered on purpose.
    closing ??= new Promise((resolve) => {
      setTimeout(resolve, CLOSE_MS);
      output.once("close", resolve);
      output.end();
    });
    return closing;
  };
  const log = pino({ level, timestamp: stdTimeFunctions.isoTime }, output);
  // A record brings its own time: when the call began.
  const records = pino({ level, timestamp: false }, output);
  process.on("uncaughtException", (error: unknown) => {
    log.fatal(redact(error instanceof Error ? (error.stack ?? error.message) : String(error), [], 4000));
    close().finally(() => process.exit(1));
  });
  // What is printed at start goes there as well; a reader that has left is no reason to end.
  process.stdout.on("error", count);
  return { log, calls: { write: (record) => records[severity(record)](record, "call") }, lost: () => lost, close };
}

/** A defect of the gateway is an error; a call that failed is a warning; one that its caller gave up is neither. */
function severity({ error, outcome }: CallRecord): "error" | "warn" | "info" {
  if (error?.code === "llm.internal") return "error";
  return outcome === "failed" || outcome === "interrupted" ? "warn" : "info";
}
