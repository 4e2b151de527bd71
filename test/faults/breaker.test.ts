import assert from "node:assert/strict";
import { setTimeout as sleep } from "node:timers/promises";
import type { Circuit } from "@gatewright/core";
import type { Answer } from "./caller.ts";
import type { Lab, LabOptions } from "./lab.ts";
import {
  bothAt,
  completion,
  errorBody,
  httpAnswer,
  type RawProvider,
  rowAt,
  startRawProvider,
} from "./raw-provider.ts";
import { row, tell } from "./row.ts";
import { seen } from "./seen.ts";
import { until } from "./until.ts";

/** How many calls a second are made, and for how long. */
const RATE = 200;
const SECONDS = 6;

/** Calls at a steady rate, whatever becomes of them, and how often the provider was asked for each kind of outcome. */
async function storm(lab: Lab, provider: RawProvider, seconds: number): Promise<Storm> {
  const startedAt = performance.now();
  const calls: Promise<Answer>[] = [];
  while (performance.now() - startedAt < seconds * 1000) {
    // What a loaded machine could not do in time is made up for.
    const due = Math.min(RATE * seconds, ((performance.now() - startedAt) / 1000) * RATE);
    while (calls.length < due) calls.push(lab.caller.ask("raw"));
    await sleep(10);
  }
  const answers = await Promise.all(calls);
  const tookSeconds = (performance.now() - startedAt) / 1000;
  const attempts = provider.connections.reduce((sum, { requests }) => sum + requests, 0);
  return { answers, attempts, tookSeconds };
}

/** For rows with many calls at once, on a machine that may have other work. */
const patient: LabOptions = { attempt: { completionMs: 6000 }, call: { totalMs: 10_000 } };

interface Storm {
  readonly answers: readonly Answer[];
  /** As the provider counts them. */
  readonly attempts: number;
  readonly tookSeconds: number;
}

const failing = (): Promise<RawProvider> =>
  startRawProvider({ request: (socket) => void socket.write(httpAnswer(500, errorBody("Out of order."))) });

const always = `${RATE} calls a second, and every one fails`;

rowAt(
  { row: "36", phase: "status", fault: `${always}; no circuit opens` },
  failing,
  { ...patient, breaker: { minimumCalls: 1_000_000 } },
  async (lab, provider) => {
    const { answers, attempts, tookSeconds } = await storm(lab, provider, SECONDS);
    const most = 1.2 * answers.length + 10 * tookSeconds;
    console.log(`36: ${attempts} attempts for ${answers.length} calls in ${tookSeconds.toFixed(1)} s`);
    assert.ok(attempts >= answers.length, "a call was not tried at all");
    assert.ok(attempts <= most, `${attempts} attempts for ${answers.length} calls`);
    assert.deepEqual([...new Set(answers.map(tell))], ["502 `llm.provider.server_error`"]);
    return { done: "at most 1.2 times as many attempts, and 10 a second", back: "502 `llm.provider.server_error`" };
  },
);

rowAt({ row: "36, with a circuit", phase: "status", fault: always }, failing, patient, async (lab, provider) => {
  const { answers, attempts } = await storm(lab, provider, 2);
  console.log(`36, with a circuit: ${attempts} attempts for ${answers.length} calls`);
  // Those that were under way when it opened have gone through.
  assert.ok(attempts <= answers.length / 2, `${attempts} attempts for ${answers.length} calls`);
  const kinds = [...new Set(answers.map(tell))].sort();
  return { done: "a few, and then no provider is asked", back: kinds.join(" or ") };
});

const phase = "breaker";

/** Calls that are not tried again, and a circuit that opens after four. */
function opening(openMs: number, more: LabOptions["breaker"] = {}): LabOptions {
  return { ...patient, retry: { retries: 0 }, breaker: { minimumCalls: 4, openMs, ...more } };
}

/** Calls the first target until its circuit opens. */
async function open(lab: Lab, model: string): Promise<void> {
  await Promise.all(Array.from({ length: 4 }, () => lab.caller.ask(model)));
  assert.equal(lab.breaker.circuits()[0]?.state, "open");
}

for (const backup of [false, true]) {
  const label = backup ? "37, with another target" : "37";
  row({ row: label, phase, fault: "as many failures as open a circuit" }, { ...opening(5000), backup }, async (lab) => {
    await open(lab, "sim+status=500");
    const asked = lab.primary.calls.length;
    const answer = await lab.caller.ask("sim+status=500");
    assert.equal(lab.primary.calls.length, asked, "a target whose circuit is open was asked");
    if (!backup) assert.match(answer.headers["retry-after"] ?? "", /^[1-5]$/);
    return seen(lab, answer);
  });
}

/** The time that half of the calls take at the most, in milliseconds. */
async function median(lab: Lab, model: string): Promise<number> {
  const times: number[] = [];
  for (let at = 0; at < 60; at++) {
    const answer = await lab.caller.ask(model);
    assert.equal(tell(answer), "200, whole answer");
    times.push(answer.durationMs);
  }
  return times.sort((a, b) => a - b)[times.length / 2] ?? 0;
}

row(
  { row: "37, its cost", phase, fault: "60 calls while the circuit is open" },
  { ...opening(60_000), backup: true },
  async (lab) => {
    await open(lab, "sim+status=500");
    const asked = lab.primary.calls.length;
    // Once without counting, to be as warm for the first as for the second.
    await median(lab, "backup");
    const direct = await median(lab, "backup");
    const around = await median(lab, "sim+status=500");
    console.log(`37: ${around.toFixed(2)} ms past an open circuit, ${direct.toFixed(2)} ms at once`);
    assert.equal(lab.primary.calls.length, asked, "a target whose circuit is open was asked");
    return { done: lab.log.at(-1)?.tried ?? "", back: "200, whole answer" };
  },
);

for (const backup of [false, true]) {
  const label = backup ? "37, half-open, with another target" : "37, half-open";
  row(
    { row: label, phase, fault: "eight calls at once when the circuit may be tried again" },
    { ...opening(300), backup },
    async (lab) => {
      const model = "sim+status=500+delay=600+times=4";
      await open(lab, model);
      const asked = lab.primary.calls.length;
      await until(() => lab.breaker.circuits()[0]?.probeInMs === 0, "the time for a probe comes");
      const answers = await Promise.all(Array.from({ length: 8 }, () => lab.caller.ask(model)));
      assert.equal(lab.primary.calls.length, asked + 1, "more than one call was a probe");
      assert.equal(lab.breaker.circuits()[0]?.state, "closed", "a probe that succeeds closes the circuit");
      const after = await lab.caller.ask(model);
      assert.equal(tell(after), "200, whole answer");
      assert.equal(lab.primary.calls.length, asked + 2, "the target that is back is not asked");
      const kinds = [...new Set(answers.map(tell))].sort();
      return { done: "one probe; then primary 200", back: kinds.join("; the other calls ") };
    },
  );
}

/** How long the circuit is open, each time it opens. */
const openFor: number[] = [];
const notes = ({ state, probeInMs }: Circuit): void => {
  if (state === "open") openFor.push(Math.round(probeInMs / 100) * 100);
};

row(
  { row: "37, still failing", phase, fault: "each probe fails" },
  opening(200, { maxOpenMs: 600, onChange: notes }),
  async (lab) => {
    const model = "sim+status=500";
    await open(lab, model);
    for (let probe = 0; probe < 4; probe++) {
      await until(() => lab.breaker.circuits()[0]?.probeInMs === 0, "the time for a probe comes");
      const asked = lab.primary.calls.length;
      const answer = await lab.caller.ask(model);
      assert.equal(tell(answer), "502 `llm.provider.server_error`");
      assert.equal(lab.primary.calls.length, asked + 1);
    }
    assert.deepEqual(openFor, [200, 400, 600, 600, 600]);
    return { done: "a probe after 200 ms, then 400 ms, then each 600 ms", back: "502 `llm.provider.server_error`" };
  },
);

/** Answers every fourth request, and fails the others. */
const unsteady = (): Promise<RawProvider> => {
  let nth = 0;
  const failure = httpAnswer(500, errorBody("Out of order."));
  return startRawProvider({
    request: (socket) => void socket.write(nth++ % 4 === 0 ? httpAnswer(200, completion("Hello")) : failure),
  });
};

bothAt(
  { row: "37, unsteady", phase, fault: "three of four calls fail: 40 calls" },
  unsteady,
  opening(60_000),
  async (lab, provider) => {
    const answers: Answer[] = [];
    for (let at = 0; at < 40; at++) answers.push(await lab.caller.ask("raw"));
    const [{ state } = {}] = lab.breaker.circuits();
    assert.equal(state, "open", "three of four calls fail, and its circuit is not open");
    const asked = provider.connections.reduce((sum, { requests }) => sum + requests, 0);
    const kinds = [...new Set(answers.map(tell))].sort();
    const alone = kinds.length > 1;
    // The only target is never given up on for its share of failures; one of several is.
    assert.equal(asked, alone ? 40 : 4);
    return { done: `primary is asked ${asked} times`, back: kinds.join(" or ") };
  },
);
