import assert from "node:assert/strict";
import { setTimeout as sleep } from "node:timers/promises";
import type { Answer } from "./caller.ts";
import { withKeys } from "./keys.ts";
import type { Lab, LabOptions } from "./lab.ts";
import { bothAt, completion, errorBody, httpAnswer, type RawProvider, startRawProvider } from "./raw-provider.ts";
import { both, row, tell } from "./row.ts";
import { counted, seen, told } from "./seen.ts";

const phase = "status";

/** Asks once, for a fault that does not count against the target's health. */
function uncounted(model: string, also: (answer: Answer, lab: Lab) => void = () => {}): (lab: Lab) => Promise<Answer> {
  return async (lab) => {
    const answer = await lab.caller.ask(model);
    assert.equal(counted(lab), 0, "it counts against the target");
    also(answer, lab);
    return answer;
  };
}

/** The same for one that does. */
function counts(model: string, also: (answer: Answer, lab: Lab) => void = () => {}): (lab: Lab) => Promise<Answer> {
  return async (lab) => {
    const answer = await lab.caller.ask(model);
    assert.equal(counted(lab), 1, "it does not count against the target, or more than once");
    also(answer, lab);
    return answer;
  };
}

/** Asks several times, one after the other. */
async function ask(lab: Lab, times: number, model = "sim"): Promise<readonly Answer[]> {
  const answers: Answer[] = [];
  for (let at = 0; at < times; at++) answers.push(await lab.caller.ask(model));
  return answers;
}

/** All calls and their answers, as the table tells them. */
function all(lab: Lab, answers: readonly Answer[]): { readonly done: string; readonly back: string } {
  return { done: told(lab.log.map(({ tried }) => tried)), back: told(answers.map(tell)) };
}

/** Official clients must not multiply what was tried here in vain. */
function stopsClients(answer: Answer): void {
  if (answer.status !== 200) assert.equal(answer.headers["x-should-retry"], "false");
}

/** A provider that answers its first requests as is said, and then with completions. */
function answering(...first: readonly string[]): () => Promise<RawProvider> {
  let nth = 0;
  return () => {
    nth = 0;
    return startRawProvider({
      request: (socket) => void socket.write(first[nth++] ?? httpAnswer(200, completion("Hello"))),
    });
  };
}

for (const status of [400, 422]) {
  const label = status === 400 ? "18" : `18, ${status}`;
  both({ row: label, phase, fault: `${status}` }, {}, uncounted(`sim+status=${status}`));
}

const tooLong = "sim+status=400+code=context_length_exceeded";
both({ row: "19", phase, fault: "400, the context is too long" }, {}, uncounted(tooLong));

row({ row: "19, asked for", phase, fault: "the same, and the request names a fallback" }, {}, async (lab) => {
  const answer = await lab.caller.ask(tooLong, { body: { fallbacks: [{ model: "backup" }] } });
  return seen(lab, answer);
});

for (const code of ["content_policy_violation", "content_filter"]) {
  const label = code === "content_filter" ? "19b, of a filter" : "19b";
  const ask = uncounted(`sim+status=400+code=${code}`, ({ text }) => {
    assert.match(text, /safety system|content management policy/, "the provider's reason is not told");
  });
  both({ row: label, phase, fault: `400, \`${code}\`` }, {}, ask);
}

for (const status of [401, 403]) {
  const ask = uncounted(`sim+status=${status}`, ({ text }) => {
    assert.doesNotMatch(text, /sk-l|Incorrect API key/, "what the provider says of the key is shown");
  });
  both({ row: status === 401 ? "20" : `20, ${status}`, phase, fault: `${status} for the gateway's key` }, {}, ask);
}

row(
  { row: "20, two keys", phase, fault: "401 for the first of two keys" },
  withKeys(["status=401", undefined]),
  async (lab) => {
    const answers = await ask(lab, 3);
    const keys = lab.primary.calls.map(({ headers }) => headers.authorization?.slice(-1)).join(" ");
    assert.equal(keys, "1 2 2 2", "the key that is not accepted is asked again");
    assert.equal(counted(lab), 0);
    assert.ok((answers[0]?.durationMs ?? 0) < 1000, "it waited before it took the other key");
    return all(lab, answers);
  },
);

const noKey = { row: "20, all keys", phase, fault: "401 for each of two keys" };
for (const backup of [false, true]) {
  const facts = backup ? { ...noKey, row: `${noKey.row}, with another target` } : noKey;
  row(facts, { ...withKeys(["status=401", "status=403"]), backup }, async (lab) => {
    const answers = await ask(lab, 2);
    assert.equal(lab.primary.calls.length, 2, "a key that is not accepted is asked again");
    for (const { text } of answers) assert.doesNotMatch(text, /Incorrect API key|sk-l/);
    return all(lab, answers);
  });
}

both(
  { row: "21", phase, fault: "429, no quota left" },
  {},
  uncounted("sim+status=429+code=insufficient_quota", stopsClients),
);

const spent = httpAnswer(429, errorBody("This request would exceed your organization's spend limit."));
bothAt({ row: "21, spent", phase, fault: "429, a spend limit is reached" }, answering(spent), {}, async (lab) => {
  const answer = await lab.caller.ask("raw");
  assert.equal(counted(lab), 0);
  stopsClients(answer);
  return seen(lab, answer);
});

row(
  { row: "21, two keys", phase, fault: "429, no quota left with the first of two keys" },
  withKeys(["status=429, code=insufficient_quota, retry-after=1", undefined]),
  async (lab) => {
    const first = await lab.caller.ask("sim");
    // A provider's Retry-After does not bring quota back.
    await sleep(1100);
    const second = await lab.caller.ask("sim");
    assert.equal(lab.primary.calls.length, 3, "the key without quota is asked again");
    return all(lab, [first, second]);
  },
);

both({ row: "22", phase, fault: "404, no such model" }, {}, uncounted("sim+status=404"));

both({ row: "23", phase, fault: "408" }, {}, (lab) => lab.caller.ask("sim+status=408"));
both({ row: "23, once", phase, fault: "408, the first time" }, {}, (lab) => lab.caller.ask("sim+status=408+times=1"));

both({ row: "24", phase, fault: "409" }, {}, uncounted("sim+status=409", stopsClients));
both({ row: "24, once", phase, fault: "409, the first time" }, {}, (lab) => lab.caller.ask("sim+status=409+times=1"));

both({ row: "25", phase, fault: "413" }, {}, uncounted("sim+status=413"));

both(
  { row: "26", phase, fault: "429, Retry-After 1, the first time" },
  {},
  uncounted("sim+status=429+retry-after=1+times=1", ({ durationMs }) => {
    assert.ok(durationMs >= 990, `it waited only ${durationMs} ms`);
  }),
);

row(
  { row: "26, the milliseconds first", phase, fault: "429, retry-after-ms 300 and Retry-After 3, the first time" },
  {},
  async (lab) => {
    const answer = await lab.caller.ask("sim+status=429+retry-after=3+retry-after-ms=300+times=1");
    assert.ok(answer.durationMs >= 290 && answer.durationMs < 2500, `it waited ${answer.durationMs} ms`);
    return seen(lab, answer);
  },
);

/** That a call has not waited as long as its provider asks for. */
function doesNotWait({ durationMs, status, headers }: Answer, seconds: number): void {
  assert.ok(durationMs < Math.min(seconds, 2) * 1000, `it waited all the same: ${durationMs} ms`);
  if (status !== 200) assert.equal(headers["retry-after"], String(seconds));
}

both(
  { row: "26, beyond the cap", phase, fault: "429, Retry-After 4, where at most 3 s are waited" },
  {},
  uncounted("sim+status=429+retry-after=4", (answer) => {
    doesNotWait(answer, 4);
    assert.equal(answer.headers["x-should-retry"], undefined, "clients may come back in four seconds");
  }),
);

both(
  { row: "26, beyond the deadline", phase, fault: "429, Retry-After 2, with 1.8 s left" },
  { call: { totalMs: 1800 } },
  uncounted("sim+status=429+retry-after=2", (answer) => doesNotWait(answer, 2)),
);

row(
  { row: "26, two keys", phase, fault: "429, Retry-After 2, for the first of two keys" },
  withKeys(["status=429, retry-after=2, times=1", undefined]),
  async (lab) => {
    const startedAt = performance.now();
    const answers = [...(await ask(lab, 3))];
    assert.ok(answers[0] && answers[0].durationMs < 1900, "it waited before it took the other key");
    const known = lab.primary.calls.filter(({ headers }) => headers.authorization?.endsWith("1"));
    assert.equal(known.length, 1, "other calls do not pass over the limited key");
    await sleep(startedAt + 2300 - performance.now());
    answers.push(await lab.caller.ask("sim"));
    assert.match(lab.primary.calls.at(-1)?.headers.authorization ?? "", /1$/, "the key is passed over for ever");
    return all(lab, answers);
  },
);

row(
  { row: "26, all keys", phase, fault: "429 for each of two keys, Retry-After 5 and 4" },
  withKeys(["status=429, retry-after=5", "status=429, retry-after=4"]),
  async (lab) => {
    const answers = await ask(lab, 2);
    assert.equal(lab.primary.calls.length, 2, "a limited key is asked again");
    for (const { headers } of answers) assert.match(headers["retry-after"] ?? "", /^[34]$/, "when one comes back");
    return all(lab, answers);
  },
);

const soon = uncounted("sim+status=429+retry-after=soon+times=1", ({ durationMs }) => {
  // A date has whole seconds: two from now are between one and two.
  assert.ok(durationMs >= 990 && durationMs < 4000, `it waited ${durationMs} ms`);
});
both({ row: "27", phase, fault: "429, Retry-After is a date in two seconds, the first time" }, {}, soon);

for (const [what, value] of [
  ["a date in the past", "past"],
  ["negative", "-5"],
  ["text", "later"],
  ["a number with an exponent", "1e9"],
  ["zero", "0"],
] as const) {
  both(
    { row: `27, ${what}`, phase, fault: `429, Retry-After is ${what}` },
    {},
    uncounted(`sim+status=429+retry-after=${value}`, (answer) => {
      assert.ok(answer.durationMs < 2000, `it waited ${answer.durationMs} ms`);
      // Clients take 0, the past or text as "at once".
      if (answer.status !== 200 && answer.headers["retry-after"] === undefined) stopsClients(answer);
      else if (answer.status !== 200) assert.match(answer.headers["retry-after"] ?? "", /^[1-9]\d*$/);
    }),
  );
}

for (const [what, value, told] of [
  ["10⁹", "1000000000", 86_400],
  ["far beyond any timer", "99999999999999999999", 86_400],
  ["a date in an hour", "future", 3600],
] as const) {
  both(
    { row: `27, ${what}`, phase, fault: `429, Retry-After is ${what}` },
    {},
    uncounted(`sim+status=429+retry-after=${value}`, (answer, lab) => {
      assert.ok(answer.durationMs < 2000, `it waited ${answer.durationMs} ms`);
      assert.equal(lab.primary.calls.length, 1, "it was asked again too early");
      stopsClients(answer);
      if (answer.status === 200) return;
      const shown = Number(answer.headers["retry-after"]);
      assert.ok(shown <= told && shown > told - 10, `retry-after is ${shown}`);
    }),
  );
}

/** A 429 as Gemini sends it. */
function retryInfo(retryDelay: string): string {
  const details = [{ "@type": "type.googleapis.com/google.rpc.RetryInfo", retryDelay }];
  return httpAnswer(429, { error: { code: 429, message: "Quota exceeded.", status: "RESOURCE_EXHAUSTED", details } });
}

bothAt(
  { row: "28", phase, fault: "429 with a `RetryInfo` of 0.6 s in its body, the first time" },
  answering(retryInfo("0.6s")),
  {},
  async (lab) => {
    const answer = await lab.caller.ask("raw");
    assert.ok(answer.durationMs >= 590, `it waited only ${answer.durationMs} ms`);
    assert.equal(counted(lab), 0);
    return seen(lab, answer);
  },
);

bothAt(
  { row: "28, beyond the cap", phase, fault: "429 with a `RetryInfo` of 34.4 s in its body" },
  answering(retryInfo("34.4s")),
  {},
  async (lab) => {
    const answer = await lab.caller.ask("raw");
    doesNotWait(answer, 35);
    return seen(lab, answer);
  },
);

both({ row: "29", phase, fault: "500" }, {}, counts("sim+status=500", stopsClients));
both({ row: "29, a stream", phase, fault: "500" }, {}, (lab) => lab.caller.ask("sim+status=500", { stream: true }));
both({ row: "29, once", phase, fault: "500, the first time" }, {}, async (lab) => {
  const answer = await lab.caller.ask("sim+status=500+times=1");
  assert.equal(counted(lab), 0, "what a retry has cured counts against the target");
  assert.equal(answer.headers["x-gateway-attempts"], "2");
  return answer;
});

const html = counts("sim+html", ({ headers }) => assert.match(headers["content-type"] ?? "", /^application\/json/));
both({ row: "30", phase, fault: "502 with HTML" }, {}, html);

const longAway = counts("sim+status=503+retry-after=120", (answer) => {
  doesNotWait(answer, 120);
  stopsClients(answer);
});
both({ row: "31", phase, fault: "503, Retry-After 120" }, {}, longAway);
both({ row: "31, no time told", phase, fault: "503" }, {}, counts("sim+status=503", stopsClients));

both({ row: "32", phase, fault: "529" }, {}, counts("sim+status=529"));
both(
  { row: "32, Retry-After", phase, fault: "529, Retry-After 120" },
  {},
  counts("sim+status=529+retry-after=120", (answer) => {
    doesNotWait(answer, 120);
    stopsClients(answer);
  }),
);

for (const [kind, fault] of [
  [500, "200 with an error in its body"],
  [429, "the same, too many calls"],
  [401, "the same, of the key"],
  [400, "the same, of the request"],
] as const) {
  const label = kind === 500 ? "33" : `33, ${kind}`;
  both({ row: label, phase, fault }, {}, async (lab) => {
    const answer = await lab.caller.ask(`sim+error-in-200+error-status=${kind}`);
    assert.equal(counted(lab), kind === 500 ? 1 : 0);
    return answer;
  });
}

both(
  { row: "34", phase, fault: "500, x-should-retry: false" },
  {},
  counts("sim+status=500+should-retry=false", (answer, lab) => {
    stopsClients(answer);
    assert.equal(lab.primary.calls.length, 1);
  }),
);
both(
  { row: "34, true", phase, fault: "400, x-should-retry: true, the first time" },
  {},
  uncounted("sim+status=400+should-retry=true+times=1"),
);

/** With a circuit that opens after four calls. */
const down: LabOptions = { backup: true, breaker: { minimumCalls: 4 } };

row({ row: "35", phase, fault: "503 everywhere" }, down, async (lab) => {
  await lab.backup.close();
  const answer = await lab.caller.ask("sim+status=503");
  assert.equal(answer.headers["x-gateway-attempts"], "3");
  const tried = "primary/sim+status=503=503, primary/sim+status=503=503, backup/backup=llm.provider.unreachable";
  assert.equal(answer.headers["x-gateway-tried"], tried);
  assert.match(answer.text, /Tried as well: backup \(llm\.provider\.unreachable\)/);
  stopsClients(answer);
  return seen(lab, answer);
});

row({ row: "35, then", phase, fault: "the same, once the circuits have opened" }, down, async (lab) => {
  await lab.backup.close();
  const before = await ask(lab, 4, "sim+status=503");
  for (const answer of before) assert.ok(Number(answer.headers["x-gateway-attempts"]) <= 3);
  const states = lab.breaker.circuits().map(({ state }) => state);
  assert.deepEqual(states, ["open", "open"]);
  const asked = lab.primary.calls.length;
  const answer = await lab.caller.ask("sim+status=503");
  assert.equal(lab.primary.calls.length, asked, "a target with an open circuit is asked");
  assert.equal(answer.headers["x-gateway-attempts"], undefined);
  assert.match(answer.headers["retry-after"] ?? "", /^[1-9]\d*$/);
  return seen(lab, answer);
});
