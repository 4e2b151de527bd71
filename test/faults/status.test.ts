import assert from "node:assert/strict";
import { both, row, tell } from "./row.ts";

both({ row: "18", phase: "status", fault: "400" }, {}, (lab) => lab.caller.ask("sim+status=400"));
both({ row: "29", phase: "status", fault: "500" }, {}, (lab) => lab.caller.ask("sim+status=500"));
both({ row: "20", phase: "status", fault: "401 for the gateway's key" }, {}, (lab) => lab.caller.ask("sim+status=401"));
row({ row: "26", phase: "status", fault: "429, Retry-After 1" }, {}, async (lab) => {
  const answer = await lab.caller.ask("sim+status=429+retry-after=1+times=1");
  assert.ok(answer.durationMs >= 1000);
  return { done: lab.log[0]?.tried ?? "", back: tell(answer) };
});
