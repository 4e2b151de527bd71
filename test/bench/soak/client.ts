import { Agent } from "undici";
import { answerQuestions } from "../child.ts";
import { makeCall, type Outcome } from "./call.ts";
import { type CallPlan, Planner } from "./plan.ts";
import { REPLAY_MS } from "./routes.ts";
import type { Load } from "./run.ts";
import { Tally, type TallyResult } from "./tally.ts";
import { type Pulse, type Rest, watch } from "./watch.ts";

/**
 * What the client is to do: make calls for a while, tell how it goes, tell the outcome (`finish`: calls that have not ended
 * never will), or come to rest.
 */
export type ClientQuestion = LoadQuestion | { readonly ask: "pulse" | "finish" | "give up" | "rest" };

interface LoadQuestion extends Load {
  readonly ask: "load";
  /** Where the gateway listens. */
  readonly url: string;
}

export interface ClientPulse extends Pulse {
  /** Whether more calls are to be made. */
  readonly calling: boolean;
  readonly made: number;
  readonly open: number;
  readonly openStreams: number;
  readonly failed: number;
  /** How late calls were made at the worst, in milliseconds: then the rate was not constant. */
  readonly lateMs: number;
}

/** Also of calls that have not ended: they are unfinished. */
export interface ClientResult extends TallyResult {
  readonly made: number;
  readonly lateMs: number;
}

/** Two calls with one key of idempotency come this long after another at the most, in milliseconds. */
const TWICE_MS = 30;
const TICK_MS = 5;

/** Answers the questions of the soak: the process that makes the calls. */
export function runClient(seed: number): void {
  const planner = new Planner(seed);
  const watched = watch();
  let agent = new Agent();
  let tally = new Tally();
  let calling = false;
  let made = 0;
  let lateMs = 0;
  let openStreams = 0;
  const open = new Map<string, CallPlan>();

  const call = async (url: string, plan: CallPlan, copy: number): Promise<Outcome> => {
    const name = `${plan.marker}.${copy}`;
    open.set(name, plan);
    made++;
    const outcome = await makeCall(agent, url, plan, copy, (change) => {
      openStreams += change;
    });
    open.delete(name);
    return outcome;
  };
  const make = async (url: string, plan: CallPlan): Promise<void> => {
    const counted = tally;
    if (!plan.twice) return counted.add(plan, await call(url, plan, 1));
    const second = new Promise<Outcome>((resolve) => {
      setTimeout(() => resolve(call(url, plan, 2)), plan.text.length % TWICE_MS);
    });
    const [one, other] = await Promise.all([call(url, plan, 1), second]);
    const twice = answeredTwice(one, other);
    counted.add(plan, one);
    counted.add(plan, twice ? { ...other, wrongs: [...other.wrongs, "executed twice"] } : other);
  };
  const load = ({ url, seconds, rate, faultShare }: LoadQuestion): void => {
    const startedAt = performance.now();
    let due = 0;
    calling = true;
    lateMs = 0;
    const tick = (): void => {
      const now = performance.now() - startedAt;
      for (; due * (1000 / rate) <= now && due < seconds * rate; due++) {
        lateMs = Math.max(lateMs, now - due * (1000 / rate));
        // It never rejects.
        void make(url, planner.next(faultShare));
      }
      calling = due < seconds * rate;
      if (calling) setTimeout(tick, TICK_MS);
    };
    tick();
  };
  const finish = async (mustHaveEnded: boolean): Promise<ClientResult> => {
    for (const plan of mustHaveEnded ? open.values() : []) {
      const nothing = {
        code: undefined,
        attempts: 0,
        startedAt: 0,
        ms: 0,
        replayed: false,
        id: undefined,
        excerpt: "",
      };
      tally.add(plan, { ...nothing, ending: "none", wrongs: ["unfinished"] });
    }
    const result = { ...tally.result, made, lateMs };
    await agent.destroy();
    agent = new Agent();
    tally = new Tally();
    open.clear();
    made = 0;
    return result;
  };

  answerQuestions<ClientQuestion>(async (question): Promise<ClientPulse | ClientResult | Rest | "begun"> => {
    switch (question.ask) {
      case "load":
        load(question);
        return "begun";
      case "pulse":
        return { ...watched.pulse(), calling, made, open: open.size, openStreams, failed: tally.failed, lateMs };
      case "finish":
      case "give up":
        return finish(question.ask === "finish");
      case "rest":
        return watched.rest();
    }
  });
}

/** Whether two calls with one key of idempotency were executed both, and the second of them in time to be given the same. */
function answeredTwice(one: Outcome, other: Outcome): boolean {
  const [first, second] = one.startedAt + one.ms < other.startedAt + other.ms ? [one, other] : [other, one];
  const inTime = second.startedAt + second.ms < first.startedAt + first.ms + REPLAY_MS / 2;
  return inTime && one.ending === "whole" && other.ending === "whole" && one.id !== other.id;
}
