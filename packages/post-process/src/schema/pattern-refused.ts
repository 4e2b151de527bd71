/** A pattern that is not run. The message says why, and goes on where the path of the pattern ends. */
export class PatternRefused extends Error {}
