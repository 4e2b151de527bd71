import { JsonRepairer, type Repair, type RepairLimits } from "./json-repairer.ts";

/** What is known of the text, and how large it may be. */
export interface RepairOptions extends RepairLimits {
  /**
   * Whether the text is known to break off and is to be closed where it does: what is unfinished is completed or left
   * out. Default `false`: only brackets that are missing at the end are added.
   */
  readonly truncated?: boolean;
}

/**
 * Repairs the JSON of a text. Valid JSON comes back as it is, byte for byte; a code fence and prose around one JSON value
 * are taken off; the faults that models make are repaired. Never throws: what cannot be repaired is a verdict.
 * @example repairJson("Here you are: {name: 'Ann',}").text // {"name": "Ann"}
 */
export function repairJson(text: string, { truncated = false, ...limits }: RepairOptions = {}): Repair {
  const repairer = new JsonRepairer(limits);
  const begun = repairer.push(text);
  const repair = repairer.end(truncated ? "cut" : "stop");
  if (repair.verdict === "unrepairable") return repair;
  const whole = begun + repair.text;
  // What is given out parses, whatever the rules have missed.
  if (repair.verdict === "repaired" && !parses(whole)) {
    return { ...repair, verdict: "unrepairable", text: "", reason: "its repair came out wrong" };
  }
  return { ...repair, text: whole };
}

function parses(text: string): boolean {
  try {
    JSON.parse(text);
    return true;
  } catch {
    return false;
  }
}
