import { RE2JS } from "re2js";
import type { Fuel } from "./fuel.ts";
import { PatternRefused } from "./pattern-refused.ts";
import { toRe2 } from "./pattern-translation.ts";

const MAX_CHARS = 1000;
/** How many instructions a program may have: `(a{100}){100}` has few characters. */
const MAX_PROGRAM = 3000;
/** What making a pattern takes, in microseconds: by itself, for each instruction, and for each class that is named, such as `\p{L}`. */
const OWN_WORK = 60;
const WORK_PER_INSTRUCTION = 3;
const WORK_PER_PROPERTY = 150;
/** How many steps of a check each of these takes. */
const STEPS_PER_WORK = 10;
/** How many instructions, each at one character of a text, take about a step at worst; mostly it is far less. */
const INSTRUCTIONS_PER_STEP = 8;

/**
 * A regular expression of a caller, matched in time that is linear in the text, whatever the expression: RegExp may take time that is
 * exponential in it. Throws a `PatternRefused` for one that cannot be run so.
 */
export class Pattern {
  readonly programSize: number;
  readonly #translated: string;
  readonly #work: number;
  /** A program may be thousands of times as large as its pattern. So it is kept as long as there is room only. */
  #program: WeakRef<RE2JS>;

  /** `pay` is told what it takes before that is done, and may throw. */
  constructor(source: string, pay: (work: number) => void = () => {}) {
    if (source.length > MAX_CHARS) throw new PatternRefused(`must have at most ${MAX_CHARS} characters`);
    // Already to parse it takes time for the classes.
    const toParse = OWN_WORK + source.length + WORK_PER_PROPERTY * (source.match(/\\p/gi)?.length ?? 0);
    pay(toParse);
    const { text, size } = toRe2(source);
    if (size > MAX_PROGRAM) throw new PatternRefused("repeats too much to be run");
    const toCompile = WORK_PER_INSTRUCTION * size;
    pay(toCompile);
    this.#translated = text;
    this.#work = toParse + toCompile;
    const program = compile(this.#translated);
    this.programSize = program.programSize();
    this.#program = new WeakRef(program);
  }

  /** Whether some part of a text matches. */
  matches(text: string, fuel: Fuel): boolean {
    fuel.spend(1 + Math.ceil((text.length * this.programSize) / INSTRUCTIONS_PER_STEP));
    // `test` would be faster, but it keeps an automaton that grows to megabytes.
    return this.#ready(fuel).matcher(text).find();
  }

  #ready(fuel: Fuel): RE2JS {
    const kept = this.#program.deref();
    if (kept) return kept;
    fuel.spend(this.#work * STEPS_PER_WORK);
    const program = compile(this.#translated);
    this.#program = new WeakRef(program);
    return program;
  }
}

function compile(translated: string): RE2JS {
  try {
    return RE2JS.compile(translated);
  } catch (thrown) {
    // The stack has ended, which says nothing of the pattern.
    if (thrown instanceof RangeError) throw thrown;
    const reason = thrown instanceof Error ? /error parsing regexp: ([a-z ]+)/.exec(thrown.message)?.[1] : undefined;
    throw new PatternRefused(`is not supported${reason === undefined ? "" : `: ${reason}`}`);
  }
}
