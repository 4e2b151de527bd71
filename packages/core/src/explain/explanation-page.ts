import type { Explanation } from "./explanation.ts";
import { NEARBY_MS } from "./nearby.ts";
import { nearbyBlocks } from "./nearby-blocks.ts";
import { counted } from "./numbers.ts";
import type { Block, Fact, Page, Section } from "./page.ts";
import type { Tally } from "./scan.ts";
import { tallyText } from "./tally.ts";
import { dayAndTime } from "./times.ts";

const TONES: Readonly<Record<Explanation["outcome"], Page["tone"]>> = {
  completed: "good",
  failed: "bad",
  interrupted: "bad",
  canceled: "middling",
};

/** A page about one call. */
export function explanationPage(explained: Explanation, tally: Readonly<Tally>): Page {
  const { id, outcome, code, timeMs, nearby } = explained;
  const when = timeMs === undefined ? "at an unknown time" : `at ${dayAndTime(timeMs)} UTC`;
  const around = `Within ${NEARBY_MS / 60_000} minutes of it`;
  const sections: (Section | undefined)[] = [
    { title: "In short", blocks: [{ kind: "facts", facts: inShort(explained) }] },
    { title: "What happened", blocks: [{ kind: "facts", facts: timeline(explained) }] },
    {
      title: "What the gateway did, and how long it took",
      blocks: [{ kind: "list", items: [...explained.gatewayDid, ...explained.pace] }],
    },
    { title: "What to do now", blocks: [{ kind: "list", items: explained.steps }] },
    nearby && { title: around, blocks: nearbyBlocks(explained, nearby) },
    { title: "What was read", blocks: [{ kind: "text", text: tallyText(tally) }, ...namesakes(explained)] },
  ];
  return {
    title: `Call ${id}`,
    tone: TONES[outcome],
    lead: `${outcome}${code === undefined ? "" : `, ${code}`}, ${when}. ${explained.means}`,
    sections: sections.filter((section) => section !== undefined),
  };
}

function inShort(explained: Explanation): Fact[] {
  const { message, issues, cause, fault, phase, again, radius, finishReasons } = explained;
  const facts: (readonly [name: string, text: string | undefined, shape?: "lines" | undefined])[] = [
    ["class", explained.class],
    ["message", message],
    ["failing fields", issues.length === 0 ? undefined : issues.join("; ")],
    ["cause", cause, "lines"],
    ["whose fault", fault.tip === undefined ? fault.party : `${fault.party}. ${fault.tip}`],
    ["when", phase],
    ["caller saw", seenOf(explained)],
    ["schema", explained.schema],
    ["ran in", explained.where],
    ["finish", finishReasons.length === 0 ? undefined : finishReasons.join(", ")],
    ["send again", `${again.answer}. ${again.why}`],
    ["reaches", radius?.text],
  ];
  return facts.filter((fact): fact is Fact => fact[1] !== undefined);
}

function seenOf({ outcome, partial, status }: Explanation): string {
  if (outcome === "completed") return "the whole answer";
  if (outcome === "canceled") return partial ? "a part of an answer, and left" : "nothing: it had left";
  return `${partial ? "a part of an answer" : "an error"}, with status ${status ?? "–"}`;
}

function timeline({ happened }: Explanation): Fact[] {
  return happened.map(({ afterMs, atEarliest, text }) => {
    if (afterMs === undefined) return ["", text];
    return [`${atEarliest ? "≥ " : ""}+${(afterMs / 1000).toFixed(3)} s`, text];
  });
}

function namesakes({ namesakes: earlier }: Explanation): Block[] {
  if (earlier.length === 0) return [];
  const items = earlier.map(({ timeMs, outcome, code }) => {
    return `${timeMs === undefined ? "–" : `${dayAndTime(timeMs)} UTC`}: ${outcome}${code === undefined ? "" : ` ${code}`}`;
  });
  const text = `${counted(earlier.length, "earlier record")} of this id; the last is explained. --until selects an earlier one.`;
  return [
    { kind: "text", text },
    { kind: "list", items },
  ];
}
