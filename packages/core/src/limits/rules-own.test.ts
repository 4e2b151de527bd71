import assert from "node:assert/strict";
import { test } from "node:test";
import { caller } from "../caller.ts";
import type { ChatRequest } from "../chat.ts";
import { chat } from "../testing.ts";
import type { Limit, OwnLimit } from "./limit.ts";
import { limitRules } from "./rules.ts";

const LIMITS: readonly Limit[] = [
  { requests: 10, windowMs: 60_000 },
  { tokens: 1000, windowMs: 60_000, per: ["caller", "model"] },
  { requests: 100, windowMs: 60_000, per: "model" },
  { tokens: 5000, windowMs: 60_000, per: [] },
];

test("limits of a caller's own take the place of those by caller that count the same kind, and of no others", () => {
  assert.deepEqual(held(undefined), ["10 requests", "1000 tokens", "100 requests", "5000 tokens"]);
  assert.deepEqual(held([{ requests: 20, windowMs: 1000 }]), [
    "1000 tokens",
    "100 requests",
    "5000 tokens",
    "20 requests",
  ]);
  assert.deepEqual(held([{ tokens: 7, refillPerSecond: 1 }]), [
    "10 requests",
    "100 requests",
    "5000 tokens",
    "7 tokens",
  ]);
  assert.deepEqual(
    held([
      { tokens: 7, windowMs: 1000 },
      { requests: 20, windowMs: 1000 },
      { requests: 2, windowMs: 10 },
    ]),
    ["100 requests", "5000 tokens", "7 tokens", "20 requests", "2 requests"],
  );
});

test("a caller whose list of limits is empty has those of all", () => {
  assert.deepEqual(held([]), held(undefined));
});

test("a layer that has no limit by caller has none of a caller's own either", () => {
  const limits = LIMITS.slice(2);
  assert.deepEqual(held([{ requests: 20, windowMs: 1000 }], limits), ["100 requests", "5000 tokens"]);
});

test("limits of a caller's own are read once, and another list of another caller is another's", () => {
  const rules = limitRules(LIMITS);
  const [one, other] = [requestOf("a", [{ requests: 1, windowMs: 1 }]), requestOf("b", [{ requests: 1, windowMs: 1 }])];
  assert.equal(rules.of(one), rules.of(one));
  assert.notEqual(rules.of(one), rules.of(other));
});

test("limits of their own count each caller apart, also where they say no more than model", () => {
  const pers: readonly OwnLimit["per"][] = [undefined, "caller", ["caller"], ["caller", "model"], ["model"], []];
  for (const per of pers) {
    const subject = (name: string, model = "m"): string | undefined => {
      const own = [{ requests: 1, windowMs: 1000, ...(per && { per }) }];
      return limitRules(LIMITS)
        .of(requestOf(name, own, model))
        .at(-1)
        ?.subject(requestOf(name, own, model));
    };
    assert.notEqual(subject("a"), subject("b"), `per ${JSON.stringify(per)}`);
    assert.equal(
      subject("a", "m1") === subject("a", "m2"),
      !(per ?? []).includes("model"),
      `per ${JSON.stringify(per)}`,
    );
  }
});

test("no two limits that hold for a call share a count", () => {
  for (const own of [
    [{ requests: 20, windowMs: 60_000 }],
    [{ requests: 20, windowMs: 60_000, per: ["model"] }],
    [{ tokens: 20, windowMs: 60_000, per: [] }],
  ] satisfies readonly OwnLimit[][]) {
    const ids = limitRules(LIMITS)
      .of(requestOf("a", own))
      .map(({ id }) => id);
    assert.equal(new Set(ids).size, ids.length, JSON.stringify(ids));
  }
});

test("limits of a caller's own that are alike count apart", () => {
  const own = [
    { requests: 20, windowMs: 60_000 },
    { requests: 5, windowMs: 60_000, per: ["caller"] },
  ] satisfies OwnLimit[];
  const ids = limitRules(LIMITS)
    .of(requestOf("a", own))
    .map(({ id }) => id);
  assert.equal(new Set(ids).size, ids.length);
});

test("limits of a caller's own that cannot be used fail its calls by name", () => {
  // What a look-up of one's own may answer, whatever the types say.
  const own = [{ requests: "many", windowMs: 1000 }] as unknown as readonly OwnLimit[];
  assert.throws(() => limitRules(LIMITS).of(requestOf("a", own)), {
    name: "TypeError",
    message: /^rateLimit: the caller's limits\[0\]\.requests must be/,
  });
});

const GROUPS: readonly (readonly [per: readonly Limit["per"][], by: "caller" | "address" | "model" | "all"])[] = [
  [[undefined], "caller"],
  [["caller", ["model", "caller"]], "caller"],
  [["address"], "address"],
  [["address", ["address", "model"]], "address"],
  [["model", ["model", () => "x"]], "model"],
  [["caller", "model"], "all"],
  [["caller", "address"], "all"],
  [["caller", []], "all"],
  [[() => "x"], "all"],
  [[["caller", "model"], ["model"]], "all"],
];

for (const [pers, by] of GROUPS) {
  const names = pers.map((per) => (typeof per === "function" ? "function" : JSON.stringify(per ?? "caller")));
  test(`limits per ${names.join(" and ")} are kept together by ${by}`, () => {
    const limits = pers.map((per, at): Limit => ({ requests: 1, windowMs: 1000, name: `${at}`, ...(per && { per }) }));
    const group = (name: string, address: string, model: string): string =>
      limitRules(limits).group(requestOf(name, undefined, model, address));
    const usual = group("a", "192.0.2.1", "m");
    assert.equal(usual === group("b", "192.0.2.1", "m"), by !== "caller");
    assert.equal(usual === group("a", "192.0.2.2", "m"), by !== "address");
    assert.equal(usual === group("a", "192.0.2.1", "n"), by !== "model");
  });
}

test("the counts of a caller are kept together whatever limits of its own it has", () => {
  const owns: readonly (readonly OwnLimit[] | undefined)[] = [
    undefined,
    [],
    [{ requests: 1, windowMs: 1 }],
    [{ tokens: 1, windowMs: 1, per: ["caller", "model"] }],
    [{ tokens: 1, windowMs: 1, per: ["model"] }],
  ];
  for (const limits of [LIMITS, LIMITS.slice(0, 1), LIMITS.slice(0, 2), LIMITS.slice(2)]) {
    const groups = owns.map((own) => limitRules(limits).group(requestOf("a", own)));
    assert.equal(new Set(groups).size, 1, JSON.stringify(groups));
  }
});

function held(own: readonly OwnLimit[] | undefined, limits = LIMITS): string[] {
  const rules = limitRules(limits).of(requestOf("a", own));
  return rules.map(({ rate, counted }) => `${rate.capacity} ${counted}`);
}

function requestOf(name: string, own?: readonly OwnLimit[], model = "m", address = "192.0.2.1"): ChatRequest {
  const request = chat({ model }, { address });
  request.call.context.set(caller, { name, ...(own && { limits: own }) });
  return request;
}
