import assert from "node:assert/strict";
import type { Answer } from "./caller.ts";
import type { Lab } from "./lab.ts";
import { both, row, tell } from "./row.ts";
import { until } from "./until.ts";

const phase = "begin";

function stream(lab: Lab, model: string): Promise<Answer> {
  return lab.caller.ask(model, { stream: true });
}

/** A provider that is silent is given up on in time, once, and its call is aborted. */
async function silent(lab: Lab, model: string): Promise<Answer> {
  const answer = await stream(lab, model);
  assert.ok(answer.durationMs >= 395, "given up before its time");
  assert.ok(answer.durationMs < 3000, "its time was made longer");
  await until(() => lab.primary.calls[0]?.outcome === "aborted", "the provider's call is aborted");
  assert.equal(lab.primary.calls.length, 1, "who was silent is asked again");
  return answer;
}

both({ row: "46", phase, fault: "a stream that ends without an event" }, {}, (lab) => stream(lab, "sim+cut=0"));

both({ row: "46, closed", phase, fault: "a stream whose connection is closed without an event" }, {}, (lab) =>
  stream(lab, "sim+close=0"),
);

both({ row: "46, once", phase, fault: "a stream that ends without an event, the first time" }, {}, (lab) =>
  stream(lab, "sim+cut=0+times=1"),
);

both({ row: "47", phase, fault: "the first event is an error" }, {}, (lab) => stream(lab, "sim+error-event=0"));

both({ row: "47, 429", phase, fault: "the first event is an error: too many calls" }, {}, (lab) =>
  stream(lab, "sim+error-event=0+error-status=429"),
);

both({ row: "47, 400", phase, fault: "the first event is an error: a request that is wrong" }, {}, (lab) =>
  stream(lab, "sim+error-event=0+error-status=400"),
);

both({ row: "48", phase, fault: "silence after the headers of a stream" }, {}, (lab) => silent(lab, "sim+stall=first"));

both({ row: "48, a role", phase, fault: "silence after a first event that shows nothing" }, {}, (lab) =>
  silent(lab, "sim+stall=0+usage=early"),
);

both({ row: "49", phase, fault: "comments, and no event" }, {}, async (lab) => {
  const answer = await silent(lab, "sim+pings");
  assert.ok(!answer.text.includes(": ping"), "a provider's comment is passed on");
  return answer;
});

row(
  {
    row: "49, kept open",
    phase,
    fault: "comments, and no event; the caller is sent comments of the gateway's own",
  },
  { gateway: { keepAliveMs: 100 } },
  async (lab) => {
    const answer = await silent(lab, "sim+pings");
    assert.ok(!answer.text.includes(": ping"), "a provider's comment is passed on");
    assert.match(answer.text, /^(: keep-alive\n\n)+data: \{"error":.*\n\n$/);
    return { done: lab.log[0]?.tried ?? "", back: tell(answer) };
  },
);

row(
  {
    row: "49, kept open, with another target",
    phase,
    fault: "comments, and no event; the caller is sent comments of the gateway's own",
  },
  { gateway: { keepAliveMs: 100 }, backup: true },
  async (lab) => {
    const answer = await silent(lab, "sim+pings");
    assert.ok(!answer.text.includes(": ping"), "a provider's comment is passed on");
    assert.match(answer.text, /^(: keep-alive\n\n)+data: \{"id":/);
    return { done: lab.log[0]?.tried ?? "", back: tell(answer) };
  },
);

both({ row: "50", phase, fault: "a completion in place of a stream" }, {}, async (lab) => {
  const answer = await stream(lab, "sim+json-for-stream");
  assert.equal(answer.headers["content-type"], "text/event-stream; charset=utf-8");
  assert.match(answer.text, /^data: \{/);
  assert.match(answer.text, /"object":"chat\.completion\.chunk"/);
  assert.match(answer.text, /"delta":\{"role":"assistant","content":"Hello"/);
  assert.match(answer.text, /"finish_reason":"stop"/);
  return answer;
});

both({ row: "50, HTML", phase, fault: "HTML in place of a stream" }, {}, (lab) => stream(lab, "sim+html+status=200"));

both({ row: "50, other JSON", phase, fault: "JSON that is no completion in place of a stream" }, {}, (lab) =>
  stream(lab, "sim+not-a-completion"),
);

both({ row: "50, the other way", phase, fault: "a stream in place of a completion" }, {}, (lab) =>
  lab.caller.ask("sim+sse-for-json"),
);
