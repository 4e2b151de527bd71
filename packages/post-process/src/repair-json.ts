import { JsonRepairer, type Repair, type RepairLimits } from "./json-repairer.ts";

/** What is known of the text, and how large it may be. */
export interface RepairOptions extends RepairLimits {
  /**
   * Whether the text is known to break off and is to be closed where it does: what is unfinished is completed or left
   * out. Default `false`: only brackets and quotes that are missing at the end are added.
   */
  readonly truncated?: boolean;
}

/**
 * Repairs the JSON of a text. Valid JSON comes back as it is, byte for byte; a code fence and prose around one JSON value
 * are taken off; the faults that models make are repaired. What cannot be repaired is a verdict: it throws for no text, but
 * a `TypeError` for a bad limit.
 * @example repairJson("Here you are: {name: 'Ann',}").text // {"name": "Ann"}
 */
export function repairJson(text: string, { truncated = false, ...limits }: RepairOptions = {}): Repair {
  const repairer = new JsonRepairer(limits);
  const begun = repairer.push(text);
  const repair = repairer.end(truncated ? "cut" : "stop");
  return repair.verdict === "unrepairable" ? repair : { ...repair, text: begun + repair.text };
}
