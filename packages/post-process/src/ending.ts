/**
 * How a text ends. `stop`: as its author meant it. `cut`: it breaks off, and is closed where it does. `refuse`: it breaks
 * off, and what is open then is not to be closed.
 */
export type Ending = "stop" | "cut" | "refuse";

/** What cannot be repaired. The message says why, in words that hold nothing of the text. */
export class Unrepairable extends Error {
  override readonly name = "Unrepairable";
}

/** Thrown where the rules for common faults do not say what is meant. */
export class Undecided extends Error {
  override readonly name = "Undecided";
}

export const BREAKS_OFF = "it breaks off in the middle of a value";

export const CUT_OFF = "it was cut off";

export const UNCLEAR = "its syntax is broken beyond what can be repaired with certainty";
