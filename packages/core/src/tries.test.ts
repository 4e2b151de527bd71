import assert from "node:assert/strict";
import { test } from "node:test";
import { createContext, withValue } from "./context.ts";
import { GatewayError } from "./error.ts";
import { returnTry, spareTargets, takeTry, triedInVain, triesOf } from "./tries.ts";

test("a call has as many tries as allowed, the first among them", () => {
  const context = createContext();
  assert.deepEqual([takeTry(context, 3), takeTry(context, 3), takeTry(context, 3)], [true, true, false]);
  assert.equal(takeTry(createContext(), 1), false);
});

test("layers with other limits count the same tries", () => {
  const context = createContext();
  assert.equal(takeTry(context, 5), true);
  assert.equal(takeTry(context, 2), false);
  assert.equal(takeTry(context, 3), true);
});

test("the tries of a call are counted together below a layer that has set a value of its own", () => {
  const context = createContext();
  const below = withValue(context, spareTargets, 1);
  assert.equal(takeTry(below, 3), true);
  assert.equal(takeTry(context, 3), true);
  assert.equal(takeTry(below, 3), false);
});

test("who else must allow a try is asked last, and what it refuses is not taken", () => {
  const context = createContext();
  assert.equal(
    takeTry(context, 2, () => false),
    false,
  );
  assert.equal(
    takeTry(context, 2, () => true),
    true,
  );
  takeTry(context, 2, () => assert.fail("there was no try left to allow"));
});

test("a try that is given back may be taken again", () => {
  const context = createContext();
  takeTry(context, 2);
  returnTry(context);
  assert.deepEqual([takeTry(context, 2), takeTry(context, 2)], [true, false]);
});

test("the outermost layer says for all how many tries a call may have", () => {
  const context = createContext();
  assert.equal(triesOf(context, 5), 5);
  assert.equal(triesOf(withValue(context, spareTargets, 1), 2), 5);
  assert.equal(triesOf(createContext(), 2), 2);
});

test("what was tried in vain is not to be sent again, unless it says when", () => {
  const down = new GatewayError("llm.provider.server_error", "down.");
  assert.equal(triedInVain(down).retryable, false);
  assert.equal(triedInVain(down).remedy, down.remedy);
  assert.equal(triedInVain(down.with({ retryAfterMs: 1 })).retryable, true);
});
