import assert from "node:assert/strict";
import { test } from "node:test";
import { Shares } from "./shares.ts";

test("each owner has a limit, and all together", () => {
  const shares = new Shares(5, 2);
  for (const owner of ["a", "a", "b"]) shares.take(owner);
  assert.deepEqual(
    ["a", "b", undefined].map((owner) => shares.hasRoom(owner)),
    [false, true, true],
  );
  for (const owner of [undefined, undefined]) shares.take(owner);
  assert.deepEqual(
    ["b", "c", undefined].map((owner) => shares.hasRoom(owner)),
    [false, false, false],
  );
  shares.giveBack(undefined);
  shares.giveBack("a");
  assert.deepEqual(
    ["a", "b", "c", undefined].map((owner) => shares.hasRoom(owner)),
    [true, true, true, true],
  );
});

test("those of nobody have the limit of all", () => {
  const shares = new Shares(3, 1);
  for (let taken = 0; taken < 3; taken++) {
    assert.equal(shares.hasRoom(undefined), true);
    shares.take(undefined);
  }
  assert.equal(shares.hasRoom(undefined), false);
});
