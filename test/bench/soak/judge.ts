import type { ClientResult } from "./client.ts";
import type { Rests } from "./rig.ts";

/** One thing that must hold, and what was found. */
export interface Check {
  readonly name: string;
  readonly ok: boolean;
  readonly found: string;
}

/**
 * How much more a process may hold after its garbage was collected than it did after the warm-up, in MiB: code that was
 * compiled since, and what is kept on purpose and bounded. A leak of a kilobyte a call shows after some thousand calls.
 */
const HEAP_TOLERANCE_MB = 2;

/** How many of the calls that nothing kept from being answered may go without an answer. */
const UNANSWERED_SHARE = 0.01;

const WRONGS: readonly string[] = [
  "bytes of another call",
  "two endings",
  "cut, but looks complete",
  "no ending",
  "another text",
  "connection lost",
  "not an answer of the gateway",
  "an internal error",
  "executed twice",
  "a call that the simulator does not know",
  "unfinished",
];

/** What is to be said of the answers. */
export function judgeAnswers(result: ClientResult): Check[] {
  const { calm, calmUnanswered, made, rows } = result;
  const counted = rows.reduce((sum, { calls }) => sum + calls, 0);
  return [
    ...judgeWrongs(result),
    check("calls without an outcome", counted === made, `${made - counted} of ${made}`),
    check(
      `calls without a fault are answered, all but ${UNANSWERED_SHARE * 100} %`,
      calmUnanswered <= calm * UNANSWERED_SHARE,
      `${calmUnanswered} of ${calm} were not`,
    ),
  ];
}

/** What is to be said of each answer by itself. */
export function judgeWrongs({ wrongs }: ClientResult): Check[] {
  return WRONGS.map((name) => none(`calls with: ${name}`, wrongs[name] ?? 0));
}

/** What is to be said of what is left behind, as compared with what there was before. */
export function judgeRest(before: Rests, after: Rests): Check[] {
  const { gateway, provider } = after.pulses;
  const heaps = (["gateway", "provider"] as const).map((process) => {
    const [start, end] = [before[process].heapMb, after[process].heapMb];
    const found = `${start.toFixed(1)} → ${end.toFixed(1)} MiB`;
    return check(
      `heap of the ${process}, at most ${HEAP_TOLERANCE_MB} MiB more`,
      end - start <= HEAP_TOLERANCE_MB,
      found,
    );
  });
  const resources = (["gateway", "provider"] as const).map((process) => {
    const more = moreOf(before[process].resources, after[process].resources);
    return check(`sockets, timers and the like of the ${process}`, more.length === 0, more.join(", ") || "none left");
  });
  const troubles = (["gateway", "provider", "client"] as const).map((process) => {
    const count = after.pulses[process].troubles;
    const name = `unhandled rejections, uncaught exceptions, warnings in the ${process}`;
    return check(name, count === 0, `${count}`);
  });
  return [
    ...troubles,
    ...heaps,
    ...resources,
    none("sockets of callers left open", gateway.connections),
    none("sockets to the provider left open", provider.connections),
    none("calls of the provider left open", provider.open),
    none("slots held, calls that wait for one", gateway.inFlight + gateway.waiting),
    none("calls that entered the pipeline and did not leave one record", gateway.unended),
  ];
}

/** A process that has ended by itself, or hangs. */
export function crash(message: string): Check {
  return check("all processes live", false, message);
}

function none(name: string, count: number): Check {
  return check(name, count === 0, `${count}`);
}

function check(name: string, ok: boolean, found: string): Check {
  return { name, ok, found };
}

/** The kinds of resources of which there are more than before. */
function moreOf(before: Readonly<Record<string, number>>, after: Readonly<Record<string, number>>): string[] {
  return Object.entries(after)
    .filter(([kind, count]) => count > (before[kind] ?? 0))
    .map(([kind, count]) => `${kind}: ${before[kind] ?? 0} → ${count}`);
}
