import type { Repair } from "./json-repairer.ts";

/** Which text of an answer it is. */
export interface Target {
  /** What the model says, or the arguments with which it calls a tool. */
  readonly kind: "content" | "arguments";
  /** The index of the choice. */
  readonly choice: number;
  /** Where it is in the completion, such as `choices[0].message.content`. */
  readonly path: string;
}

/** One way to put the texts of an answer right. */
export interface PostProcessStep {
  /** The name under which a request asks for it. */
  readonly type: string;
  /** Begins the work on one text. */
  begin(target: Target): StepRun;
}

/** The work on one text, which comes in pieces. What is given out cannot be taken back. Each answer is given at once: no promises. */
export interface StepRun {
  /** Takes the next piece. Answers what is final by now; it may be empty. */
  push(piece: string): string;
  /**
   * The text is over. `truncated`: it may break off, since the model had said as much as it may, or a filter or the model
   * itself put an end to it. Answers the rest of the text.
   */
  end(truncated: boolean): Repair;
  /** Why it is known to be unrepairable, before it has ended. */
  readonly failure?: string | undefined;
}

/** What a step made of a text. */
export interface StepVerdict {
  /** The step. */
  readonly type: string;
  /** Where the text is, such as `choices[0].message.content`. */
  readonly path: string;
  readonly verdict: Repair["verdict"];
  /** What was done. */
  readonly fixes: readonly string[];
  /** Why it is unrepairable. */
  readonly reason?: string;
}
