import type { Step } from "./step.ts";

/** The same steps with their text in pieces of `size` bytes, each to be written on its own. */
export function* split(steps: Iterable<Step>, size: number): Generator<Step> {
  let rest = Buffer.alloc(0);
  for (const step of steps) {
    if (typeof step === "string") {
      rest = Buffer.concat([rest, Buffer.from(step)]);
      for (; rest.length >= size; rest = rest.subarray(size)) yield rest.subarray(0, size);
    } else {
      if (rest.length > 0) yield rest;
      rest = rest.subarray(rest.length);
      yield step;
    }
  }
  if (rest.length > 0) yield rest;
}
