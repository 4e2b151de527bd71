import { Agent, request } from "node:http";
import { fileURLToPath } from "node:url";
import { answerQuestions, type Child, startChild } from "./bench/child.ts";

// Callers in a process of their own, so that making calls takes no time from who answers them. Run as a process, it makes the
// calls that it is told to.

/** Calls to be made at a steady rate, whether the ones before are answered or not. */
export interface Orders {
  readonly url: string;
  /** Sent as `Authorization: Bearer …`; where it ends in `*`, a number that counts up stands for that. */
  readonly key: string;
  readonly perSecond: number;
  readonly seconds: number;
}

/** What came of them. */
export interface Outcome {
  /** How many were answered with each status; 0 is for those that were not. */
  readonly statuses: Readonly<Record<number, number>>;
  /** How long they took, in milliseconds, the shortest first. */
  readonly times: readonly number[];
}

/** Starts a process that makes calls: asked with orders, it answers what came of them. */
export function startCallers(): Child {
  return startChild(fileURLToPath(import.meta.url), [CALLERS], undefined);
}

const CALLERS = "callers";
const BODY = JSON.stringify({ model: "m", messages: [{ role: "user", content: "Hi" }] });
/** How often calls are begun, in milliseconds. */
const EVERY_MS = 5;

async function make({ url, key, perSecond, seconds }: Orders): Promise<Outcome> {
  const agent = new Agent({ keepAlive: true, maxSockets: 256 });
  const statuses: Record<number, number> = {};
  const times: number[] = [];
  const calls: Promise<void>[] = [];
  const call = (number: number): Promise<void> => {
    const dueAt = startedAt + (number / perSecond) * 1000;
    const headers = {
      "content-type": "application/json",
      "content-length": BODY.length,
      authorization: `Bearer ${key.replace("*", String(number))}`,
    };
    return new Promise((resolve) => {
      const ended = (status = 0): void => {
        statuses[status] = (statuses[status] ?? 0) + 1;
        // From when it was due: who waits to be sent waits as well.
        times.push(performance.now() - dueAt);
        resolve();
      };
      const sent = request(url, { agent, method: "POST", headers }, (answer) => {
        answer.resume().once("end", () => ended(answer.statusCode));
        answer.once("error", () => ended());
      });
      sent.once("error", () => ended()).end(BODY);
    });
  };
  const startedAt = performance.now();
  await new Promise<void>((resolve) => {
    const timer = setInterval(() => {
      const due = Math.min(perSecond * seconds, ((performance.now() - startedAt) / 1000) * perSecond);
      while (calls.length < due) calls.push(call(calls.length));
      if (calls.length < perSecond * seconds) return;
      clearInterval(timer);
      resolve();
    }, EVERY_MS);
  });
  await Promise.all(calls);
  agent.destroy();
  return { statuses, times: times.sort((one, other) => one - other) };
}

if (process.argv[2] === CALLERS) answerQuestions(make);
