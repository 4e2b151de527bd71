import type { GatewayError } from "../error.ts";
import { redact } from "../secrecy/redact.ts";
import { oneLine } from "./one-line.ts";
import type { ErrorRecord } from "./record.ts";

/** What is to be hidden of what an error says. */
export interface Hiding {
  /** Hides what is quoted of the prompt. */
  readonly echoes: (text: string) => string;
  /** Shows text of the prompt or the answer where that is configured; else, or where it fails, `undefined`. */
  readonly content: (text: string) => string | undefined;
}

const MAX_MESSAGE = 1000;
const MAX_STACK = 4000;
/** As much as is looked at for what is quoted. */
const MAX_READ = 4000;
const MAX_ISSUES = 20;
/** How far causes of causes are followed. */
const MAX_CAUSES = 4;

/** An error as a record tells it. */
export function errorRecord(error: GatewayError, hiding: Hiding): ErrorRecord {
  const { code, status, phase, layer, origin, retryable, issues } = error;
  // What the gateway says in its own words quotes nothing.
  const quoteless = (text: string): string =>
    origin === "upstream" ? hiding.echoes(redact(text, [], MAX_READ)) : text;
  const cause = causeOf(error, hiding);
  return {
    code,
    status,
    phase,
    layer,
    origin,
    retryable,
    message: oneLine(quoteless(error.message), MAX_MESSAGE),
    ...(issues.length > 0 && {
      issues: issues
        .slice(0, MAX_ISSUES)
        .map(({ path, message }) => ({ path: oneLine(quoteless(path)), message: oneLine(quoteless(message)) })),
    }),
    ...(cause !== undefined && cause !== "" && { cause }),
  };
}

function causeOf({ code, cause }: GatewayError, { echoes, content }: Hiding): string | undefined {
  try {
    if (cause === undefined) return undefined;
    if (code === "llm.internal") return redact(echoes(redact(stackOf(cause), [], MAX_READ)), [], MAX_STACK);
    const message = messageOf(cause);
    if (message === undefined) return undefined;
    // It quotes what the model answered.
    if (code.startsWith("llm.output.")) return content(message);
    return oneLine(echoes(redact(message, [], MAX_READ)), MAX_MESSAGE);
  } catch {
    // What was thrown may be anything, and not even let itself be looked at.
    return undefined;
  }
}

/** The message of an error, and the code that systems give theirs. What was thrown and is no error may be anything. */
function messageOf(thrown: unknown): string | undefined {
  if (typeof thrown === "string") return thrown;
  if (!(thrown instanceof Error)) return undefined;
  const code = "code" in thrown && typeof thrown.code === "string" ? thrown.code : undefined;
  const message = thrown.message || thrown.name;
  return code === undefined || message.includes(code) ? message : `${message} (${code})`;
}

function stackOf(thrown: unknown): string {
  const stacks: string[] = [];
  for (let error = thrown, depth = 0; error !== undefined && depth < MAX_CAUSES; depth++) {
    const isError: boolean = error instanceof Error;
    const shown = isError ? (error as Error).stack : messageOf(error);
    stacks.push(typeof shown === "string" ? shown : `(a thrown ${typeof error})`);
    error = isError ? (error as Error).cause : undefined;
  }
  return stacks.join("\ncaused by: ");
}
