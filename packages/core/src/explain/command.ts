import { UsageError } from "../command-line.ts";
import { type ExplainArguments, readArguments } from "./arguments.ts";
import { explain } from "./explanation.ts";
import { explanationPage } from "./explanation-page.ts";
import { find } from "./find.ts";
import { htmlText } from "./html.ts";
import { checkHtmlFile, writeHtmlFile } from "./html-file.ts";
import type { Page } from "./page.ts";
import { printable, printableJson } from "./printable.ts";
import { progressOf } from "./progress.ts";
import { type ScanOptions, scan, type Tally } from "./scan.ts";
import { InputError, type Source, sourcesOf } from "./sources.ts";
import { Summary } from "./summary.ts";
import { summaryPage } from "./summary-page.ts";
import { tallyText } from "./tally.ts";
import { type Look, terminalText } from "./terminal.ts";

/** What the command reads and writes. */
export interface Terminal {
  /** What was found. */
  readonly out: (text: string) => void;
  /** What is said about it, to people. */
  readonly note: (text: string) => void;
  /** The standard input. */
  readonly input: () => AsyncIterable<Buffer>;
  /** Whether a person sits at the standard input, from whom no log is to be expected. */
  readonly inputIsTerminal: boolean;
  /** Milliseconds since 1970. */
  readonly now: () => number;
  readonly look: Look;
  /** Shows how far a long read is; left out where nobody watches. */
  readonly progress?: ((text: string) => void) | undefined;
}

const HELP = `gatewright-explain: explains one call of a log of records, or sums all of them up.

  gatewright-explain FILE… [options]       FILE may be packed with gzip; - or none is the standard input

      --id REQUEST_ID       explains this call: what happened, whose fault, whether to send it again, how far it reaches
      --since, --until      only calls that began in this time: 2026-01-31T18:00 (UTC), or 15m, 2h, 3d ago
      --by WHAT             groups failures by class (default), code, provider, model, caller or status
      --html OUT.html       writes a page in place of text; --force overwrites one
      --json                shows what was found as JSON
      --help

Times are UTC. A record is a line of JSON with request_id, outcome and attempts; other lines are counted and passed over.
Exit codes: 0 found, 1 nothing found, 2 the arguments or a file cannot be used.
`;

/** Rows of a table. */
const MOST_ROWS = { text: 20, html: 100 } as const;
const MOST_STEPS = 60;
/** What stands beside a plot. */
const MARGIN = 20;

/** Runs the command with its arguments. Answers the exit code, and does not reject for what it stands for. */
export async function explainCommand(args: readonly string[], terminal: Terminal): Promise<number> {
  try {
    const asksHelp = args.includes("--help") || args.includes("-h") || (args.length === 0 && terminal.inputIsTerminal);
    if (asksHelp) {
      terminal.out(HELP);
      return 0;
    }
    return await run(readArguments(args, terminal.now()), terminal);
  } catch (thrown) {
    if (!(thrown instanceof UsageError || thrown instanceof InputError)) throw thrown;
    terminal.note(`gatewright-explain: ${printable(thrown.message)}\n--help tells more.\n`);
    return 2;
  }
}

async function run(given: ExplainArguments, terminal: Terminal): Promise<number> {
  const files = given.files.length === 0 ? ["-"] : given.files;
  if (files.includes("-") && terminal.inputIsTerminal) {
    throw new UsageError("Name a file, or pipe a log into the standard input.");
  }
  const sources = sourcesOf(files, terminal.input);
  if (given.html !== undefined) checkHtmlFile(given.html, given.force, files);
  const progress = progressOf(terminal.progress, terminal.now);
  const { sinceMs, untilMs, id } = given;
  const options: ScanOptions = { sinceMs, untilMs, onPiece: progress.onPiece };
  const finding = id === undefined ? summarise(sources, options, given, terminal) : explainOne(sources, options, id);
  const result = await finding.finally(progress.end);
  if (typeof result === "string") {
    terminal.note(`gatewright-explain: ${printable(result)}\n`);
    return 1;
  }
  show(result, given, terminal);
  return 0;
}

/** What was found, or a sentence that says what was not. */
type Result = { readonly data: unknown; readonly page: Page } | string;

async function summarise(
  sources: readonly Source[],
  options: ScanOptions,
  { by, html, json }: ExplainArguments,
  { look }: Terminal,
): Promise<Result> {
  const summary = new Summary(by);
  const tally: Readonly<Tally> = await scan(sources, options, (entry, source) => summary.add(entry, source));
  if (tally.records === 0) return `There is no record of a call. ${tallyText(tally)}`;
  const wide = json || html !== undefined;
  const report = summary.report(wide ? MOST_STEPS : Math.min(MOST_STEPS, Math.max(MARGIN, look.columns - MARGIN)));
  const most = html === undefined ? MOST_ROWS.text : MOST_ROWS.html;
  return { data: { ...report, read: tally }, page: summaryPage(report, tally, most) };
}

async function explainOne(sources: readonly Source[], options: ScanOptions, id: string): Promise<Result> {
  const found = await find(sources, id, options);
  if (!found) {
    const { sinceMs, untilMs } = options;
    const between = Number.isFinite(sinceMs) || Number.isFinite(untilMs) ? ", in the time that was asked for" : "";
    return `There is no record of the id ${id} in ${sources.map(({ name }) => name).join(", ")}${between}.`;
  }
  const explained = explain(found);
  return { data: { ...explained, read: found.tally }, page: explanationPage(explained, found.tally) };
}

function show(
  { data, page }: Exclude<Result, string>,
  { files, html, force, json }: ExplainArguments,
  terminal: Terminal,
): void {
  if (json) terminal.out(`${printableJson(data)}\n`);
  else if (html === undefined) terminal.out(terminalText(page, terminal.look));
  if (html === undefined) return;
  const read =
    files.length === 0 ? ["the standard input"] : files.map((file) => (file === "-" ? "the standard input" : file));
  writeHtmlFile(html, htmlText(page, { read, madeMs: terminal.now() }), force);
  terminal.note(`The page is in ${printable(html)}.\n`);
}
