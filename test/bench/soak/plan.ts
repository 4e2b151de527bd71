import { type Fault, faults } from "./faults.ts";
import { Dice } from "./random.ts";
import { callers, type Route } from "./routes.ts";

/** What a caller does with its answer. */
type Habit = "reads on" | "leaves at once" | "leaves in the middle" | "reads slowly" | "stops reading";

/** One call as it is to be made. */
export interface CallPlan {
  /** A word that no other call has, in every word of its answer. */
  readonly marker: string;
  readonly text: string;
  readonly route: Route;
  readonly callerKey: string;
  readonly stream: boolean;
  readonly habit: Habit;
  readonly fault: Fault | undefined;
  /** Whose tries the fault strikes: only the first one, all of the first target, or all. */
  readonly reach: "first try" | "first target" | "all tries";
  /** The simulator's directives for how the answer comes where nothing fails. */
  readonly manner: readonly string[];
  /** Whether it carries a key of idempotency; then it may be sent twice at about the same time. */
  readonly idempotent: boolean;
  readonly twice: boolean;
}

const habits: readonly (readonly [Habit, number])[] = [
  ["reads on", 88],
  ["leaves at once", 5],
  ["leaves in the middle", 5.2],
  ["reads slowly", 1.5],
  ["stops reading", 0.3],
];

const routeShares: readonly (readonly [Route, number])[] = [
  ["plain", 40],
  ["held", 15],
  ["drained", 15],
  ["hedged", 10],
  ["balanced", 10],
  ["shaky", 10],
];

/** How often calls of the shaky route have a fault: often enough that its circuit opens. */
const SHAKY_SHARE = 0.5;
const STREAM_SHARE = 0.7;

/** Plans calls, the same ones for the same seed. Every kind of fault has its turn, in an order that chance makes. */
export class Planner {
  readonly #dice: Dice;
  #count = 0;
  #faults: Fault[] = [];

  constructor(seed: number) {
    this.#dice = new Dice(seed);
  }

  /** The next call; `faultShare` is how many of all calls have a fault. */
  next(faultShare: number): CallPlan {
    const dice = this.#dice;
    const marker = `call-${String(++this.#count).padStart(6, "0")}`;
    const route = dice.pick(routeShares);
    const stream = dice.next() < STREAM_SHARE;
    const habit = dice.pick(habits);
    const share = route === "shaky" ? SHAKY_SHARE : (faultShare - SHAKY_SHARE * 0.1) / 0.9;
    const fault = dice.next() < share ? this.#fault(stream, route) : undefined;
    // A large answer, of few chunks, fills what lies between the two sides: then reading slowly is felt.
    const wordSize = { "reads slowly": 4000, "stops reading": 30_000 }[habit as string] ?? 0;
    const words = wordSize > 0 ? 200 : dice.whole(1, 60);
    const idempotent = dice.next() < 0.1;
    return {
      marker,
      text: Array.from({ length: words }, (_, at) => `${marker}/${at}${"x".repeat(wordSize)}`).join(" "),
      route,
      callerKey: dice.pick(callers.map(({ key, share }) => [key, share] as const)),
      stream,
      habit,
      fault,
      reach: dice.pick([["first try", 4] as const, ["first target", 3] as const, ["all tries", 3] as const]),
      manner: [...this.#pace(wordSize > 0), ...(stream ? this.#form() : [])],
      idempotent,
      twice: idempotent && habit === "reads on" && dice.next() < 0.5,
    };
  }

  #fault(stream: boolean, route: Route): Fault | undefined {
    // For so long a key is left alone that the balanced route would be closed for the rest of the soak.
    const fits = ({ only, directives }: Fault): boolean =>
      (only === undefined || (only === "stream") === stream) &&
      !(route === "balanced" && directives.includes("retry-after=future"));
    if (!this.#faults.some(fits)) this.#faults.push(...this.#dice.shuffled(faults));
    return this.#faults.splice(this.#faults.findIndex(fits), 1)[0];
  }

  #pace(large: boolean): string[] {
    if (large) return [];
    const delay = this.#dice.pick([[0, 3] as const, [this.#dice.whole(5, 60), 6] as const, [150, 1] as const]);
    return [`delay=${delay}`, `pace=${this.#dice.whole(0, 12)}`];
  }

  #form(): string[] {
    const forms = ["crlf", "cr", "bom", "comments", "nospace", "multiline", "nodone", "norole", "split=7"];
    return this.#dice.next() < 0.2 ? [this.#dice.shuffled(forms)[0] ?? ""] : [];
  }
}
