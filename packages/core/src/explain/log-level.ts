/** From how many calls on it is odd that none completed. */
const ENOUGH = 5;

/** What is to be said where no call completed. */
export const LEFT_OUT: string =
  "those that did may have been left out by the log's level, such as LOG_LEVEL=warn. Shares are then of failed calls alone.";

/** Whether so many calls, of which so many completed, look as if the log had left out those that did. */
export function lacksCompleted(calls: number, completed: number): boolean {
  return calls >= ENOUGH && completed === 0;
}
