import { type ParseArgsConfig, parseArgs } from "node:util";

/** A command line that means nothing; the message says what to write instead. */
export class UsageError extends Error {
  override readonly name = "UsageError";
}

type Options = NonNullable<ParseArgsConfig["options"]>;

/** Reads the options of a command and what stands beside them. Throws a `UsageError`. */
export function readOptions<Known extends Options>(
  args: readonly string[],
  options: Known,
): ReturnType<typeof parseArgs<{ options: Known; allowPositionals: true }>> {
  try {
    return parseArgs({ args: [...args], options, allowPositionals: true });
  } catch (thrown) {
    throw new UsageError(thrown instanceof Error ? saidOf(thrown, options) : String(thrown));
  }
}

/** What Node says of a command line, in words of ours where it names an option that there is not. */
function saidOf({ message, code }: NodeJS.ErrnoException, options: Options): string {
  const [, name] = /'(-[^']*)'/.exec(message) ?? [];
  if (code !== "ERR_PARSE_ARGS_UNKNOWN_OPTION" || name === undefined) return message;
  const known = [...Object.keys(options), "help"].map((option) => `--${option}`);
  return `There is no option ${name}. Options: ${known.join(", ")}.`;
}
