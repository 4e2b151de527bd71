import { onlyKnown } from "@gatewright/core";
import { isObject } from "./schema/json.ts";

/** The options of a part, where all are known. Else throws a `TypeError` that names the part. */
export function knownOptions<Options extends object>(
  part: string,
  options: Options,
  known: readonly (keyof Options & string)[],
): Options {
  if (!isObject(options)) throw new TypeError(`${part}: options must be an object.`);
  onlyKnown(options, known, part, "options");
  return options;
}
