import assert from "node:assert/strict";
import { test } from "node:test";
import { type Caller, caller } from "../caller.ts";
import type { ChatRequest } from "../chat.ts";
import { chat } from "../testing.ts";
import type { Limit, Subject } from "./limit.ts";
import { limitRules } from "./rules.ts";

const HOUR = { requests: 10, windowMs: 3_600_000 } as const;

test("a limit is per caller unless it says otherwise, and is called what it counts", () => {
  const nameOf = (limit: Partial<Limit>): string | undefined => {
    // A limit with one of both is one.
    return limitRules([{ ...HOUR, ...limit } as Limit]).of(chat())[0]?.name;
  };
  assert.equal(nameOf({}), "requests per caller");
  assert.equal(nameOf({ per: "model" }), "requests per model");
  assert.equal(nameOf({ per: ["caller", "model"] }), "requests per caller and model");
  assert.equal(nameOf({ per: [] }), "requests per all calls");
  assert.equal(nameOf({ per: () => "a" }), "requests per rule");
  assert.equal(nameOf({ name: "mine" }), "mine");
  assert.equal(limitRules([{ tokens: 5, windowMs: 1000 }]).of(chat())[0]?.name, "tokens per caller");
});

test("what is counted apart is what the limit says", () => {
  const [a, b] = ["192.0.2.1", "192.0.2.2"].map((address) => ({ model: "m1", address }));
  const c = { model: "m2", address: "192.0.2.1" };
  const same = (per: Limit["per"], one = a, other = b): boolean =>
    subjectOf(per && { per }, one) === subjectOf(per && { per }, other);
  assert.deepEqual([same(undefined), same(undefined, a, c)], [false, true]);
  assert.deepEqual([same("address"), same("address", a, c)], [false, true]);
  assert.deepEqual([same("model"), same("model", a, c)], [true, false]);
  assert.deepEqual([same(["caller", "model"]), same(["caller", "model"], a, c)], [false, false]);
  assert.deepEqual([same([]), same([], a, c)], [true, true]);
  assert.deepEqual([same(({ model }) => model), same(({ model }) => model, a, c)], [true, false]);
});

test("a caller is its key wherever it calls from, and without one its address, of IPv6 64 bits", () => {
  const key = { name: "k" };
  assert.equal(subjectOf({}, { address: "192.0.2.1", key }), subjectOf({}, { address: "192.0.2.2", key }));
  assert.notEqual(subjectOf({}, { key }), subjectOf({}, { key: { name: "k", kind: "token" } }));
  assert.notEqual(subjectOf({}, { key: { name: "192.0.2.1" } }), subjectOf({}, { address: "192.0.2.1" }));
  for (const per of ["caller", "address"] as const) {
    const of = (address: string): string | undefined => subjectOf({ per }, { address });
    assert.equal(of("2001:db8::1"), of("2001:db8::2"));
    assert.notEqual(of("2001:db8::1"), of("2001:db8:0:1::1"));
  }
});

test("a limit whose function answers nothing does not hold for the call", () => {
  const nothing = (): undefined => undefined;
  for (const per of [nothing, ["caller", nothing], [nothing, "model"]] as const) {
    assert.equal(subjectOf({ per }), undefined);
  }
  assert.notEqual(subjectOf({ per: () => "" }), undefined);
});

test("no two lists of what is counted apart are the same", () => {
  const texts = ["", "a", "b", "ab", "1:a", ":", "1:", "a1:b", "0:", "1:a1:b", "|", "2:ab"];
  const seen = new Map<string, string>();
  for (const first of texts) {
    for (const second of texts) {
      const subject = subjectOf({ per: [() => first, () => second] }) ?? "";
      assert.equal(seen.get(subject), undefined, JSON.stringify([first, second]));
      seen.set(subject, JSON.stringify([first, second]));
    }
  }
});

test("a limit counts each request or token as its weight says", () => {
  const weightOf = (weight?: Limit["weight"]): number | undefined =>
    limitRules([{ ...HOUR, ...(weight !== undefined && { weight }) }])
      .of(chat())[0]
      ?.weight(chat({ model: "m" }));
  assert.deepEqual([weightOf(), weightOf(0), weightOf(2.5), weightOf(1e6)], [1, 0, 2.5, 1e6]);
  assert.equal(
    weightOf(({ model }) => model.length + 2),
    3,
  );
});

test("a weight that a function answers and that is none fails the call, by name", () => {
  for (const weight of [-1, Number.NaN, 1e7, Number.POSITIVE_INFINITY]) {
    const [, rule] = limitRules([HOUR, { ...HOUR, name: "b", weight: () => weight }]).of(chat());
    assert.throws(() => rule?.weight(chat()), {
      name: "TypeError",
      message: /^rateLimit: limits\[1\]\.weight must be/,
    });
  }
});

test("limits that count the same are refused, and those with names of their own are not", () => {
  const twice: readonly (readonly Limit[])[] = [
    [HOUR, { ...HOUR, requests: 5 }],
    [{ tokens: 5, windowMs: 1 }, HOUR, { tokens: 6, windowMs: 1, per: ["caller"] }],
    [
      { requests: 5, refillPerSecond: 1 },
      { requests: 9, refillPerSecond: 2 },
    ],
    [
      { ...HOUR, per: () => "a" },
      { ...HOUR, per: () => "b" },
    ],
    [
      { ...HOUR, name: "a" },
      { ...HOUR, per: "model", name: "a" },
    ],
  ];
  for (const limits of twice) {
    assert.throws(() => limitRules(limits), {
      name: "TypeError",
      message: `rateLimit: limits[${limits.length - 1}] counts the same as another limit: give it a name of its own.`,
    });
  }
  limitRules([HOUR, { ...HOUR, windowMs: 60_000 }, { ...HOUR, name: "a" }, { ...HOUR, per: "model" }]);
  limitRules([HOUR, { tokens: 10, windowMs: 3_600_000 }, { requests: 10, refillPerSecond: 1 }]);
});

const BAD: Readonly<Record<string, readonly object[]>> = {
  "limits[1].per must be": ["key", "", "toString", null, 5, {}, ["caller", "key"]].map((per) => ({ per })),
  "limits[1].weight must be": [-1, Number.NaN, 1e7, Number.POSITIVE_INFINITY, "2", null, {}, []].map((weight) => ({
    weight,
  })),
  "limits[1].name must be": [{ name: "" }, { name: 5 }, { name: null }],
  "limits[1].requests must be": [{ requests: 0 }, { requests: "5" }],
  "limits[1].windowMs must be": [{ windowMs: 0 }],
  "limits[1] must have either requests or tokens": [{ tokens: 5 }],
  "limits[1] must have either windowMs or": [{ refillPerSecond: 5 }],
};

for (const [problem, fields] of Object.entries(BAD)) {
  test(`a limit is refused by name where ${problem} something else`, () => {
    for (const field of fields) {
      // What a configuration may hold, whatever the types say.
      const limits = [{ ...HOUR, name: "first" }, { ...HOUR, ...field } as Limit];
      const names = (thrown: unknown): boolean =>
        thrown instanceof TypeError && thrown.message.startsWith(`rateLimit: ${problem}`);
      assert.throws(() => limitRules(limits), names, JSON.stringify(field));
    }
  });
}

test("without any limit, or where they are no list of limits, they are refused by name", () => {
  for (const limits of [[], undefined, null, {}, "10", [null], ["10"]]) {
    // What a configuration may hold, whatever the types say.
    const made = (): unknown => limitRules(limits as readonly Limit[]);
    assert.throws(made, { name: "TypeError", message: /^rateLimit: limits/ }, JSON.stringify(limits));
  }
});

interface Known {
  readonly model?: string;
  readonly address?: string;
  readonly key?: Caller;
}

function requestOf({ model = "m", address, key }: Known = {}): ChatRequest {
  const request = chat({ model }, address === undefined ? {} : { address });
  if (key) request.call.context.set(caller, key);
  return request;
}

function subjectOf(limit: { readonly per?: Subject | readonly Subject[] } = {}, known?: Known): string | undefined {
  return limitRules([{ ...HOUR, ...limit }])
    .of(chat())[0]
    ?.subject(requestOf(known));
}
