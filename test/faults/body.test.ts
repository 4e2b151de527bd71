import assert from "node:assert/strict";
import { inBounds } from "./memory.ts";
import { both, row, tell } from "./row.ts";
import { until } from "./until.ts";

const phase = "body";

both({ row: "38", phase, fault: "shorter than its Content-Length" }, {}, (lab) => lab.caller.ask("sim+truncate"));

both({ row: "38, once", phase, fault: "shorter than its Content-Length, the first time" }, {}, (lab) =>
  lab.caller.ask("sim+truncate+times=1"),
);

both({ row: "39", phase, fault: "stalls in its middle" }, {}, async (lab) => {
  const answer = await lab.caller.ask("sim+stall=2");
  assert.ok(answer.durationMs >= 395, "given up before its time");
  await until(() => lab.primary.calls[0]?.outcome === "aborted", "the provider's call is aborted");
  assert.equal(lab.primary.calls.length, 1, "who was silent is asked again");
  return answer;
});

both({ row: "40", phase, fault: "200, and empty" }, {}, (lab) => lab.caller.ask("sim+empty"));

both({ row: "41", phase, fault: "200, and HTML" }, {}, (lab) => lab.caller.ask("sim+html+status=200"));

both({ row: "42", phase, fault: "200, and JSON that breaks off" }, {}, (lab) => lab.caller.ask("sim+invalid-json"));

both({ row: "42, of another shape", phase, fault: "200, and JSON that is no completion" }, {}, (lab) =>
  lab.caller.ask("sim+not-a-completion"),
);

for (const [kind, fault] of [
  ["corrupt", "gzip that is broken"],
  ["bomb", "gzip of 128 MiB in 130 KB"],
  ["stacked", "gzip in gzip, six deep"],
] as const) {
  both({ row: `43, ${kind}`, phase, fault: `${fault}, unasked` }, {}, (lab) =>
    inBounds(fault, () => lab.caller.ask(`sim+gzip=${kind}`)),
  );
}

const patient = { call: { totalMs: 15_000 }, attempt: { completionMs: 10_000 } };

both({ row: "44", phase, fault: "1 GiB" }, patient, async (lab) => {
  const answer = await inBounds("1 GiB", () => lab.caller.ask("sim+endless"));
  const open = (): boolean => lab.primary.calls.some(({ outcome }) => outcome !== "aborted");
  await until(() => !open(), "every call of the provider is aborted");
  assert.equal(lab.primary.calls.length, 1, "asked again for what is as large again");
  return answer;
});

const usages = {
  none: undefined,
  strings: {
    prompt_tokens: "1",
    completion_tokens: "1",
    total_tokens: "2",
    prompt_tokens_details: { cached_tokens: "0" },
    completion_tokens_details: { reasoning_tokens: "0" },
  },
};

for (const [kind, fault] of [
  ["none", "no usage"],
  ["strings", "numbers of the usage as strings"],
] as const) {
  row({ row: `45, ${kind}`, phase, fault }, {}, async (lab) => {
    const answer = await lab.caller.ask(`sim+usage=${kind}`);
    assert.deepEqual(JSON.parse(answer.text).usage, usages[kind]);
    assert.deepEqual(lab.log[0]?.usage, usages[kind]);
    return { done: lab.log[0]?.tried ?? "", back: `${tell(answer)}, its usage as it came` };
  });

  row({ row: `45, ${kind}, a stream`, phase, fault }, {}, async (lab) => {
    const body = { stream_options: { include_usage: true } };
    const answer = await lab.caller.ask(`sim+usage=${kind}`, { stream: true, body });
    assert.equal(answer.text.includes(JSON.stringify(usages[kind]) ?? '"usage":{'), kind === "strings");
    assert.deepEqual(lab.log[0]?.usage, usages[kind]);
    return { done: lab.log[0]?.tried ?? "", back: `${tell(answer)}, its usage as it came` };
  });
}
