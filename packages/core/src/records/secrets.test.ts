import assert from "node:assert/strict";
import { test } from "node:test";
import { attempts } from "../attempts.ts";
import { caller } from "../caller.ts";
import type { ChatChunk, ChatRequest } from "../chat.ts";
import { collect } from "../collect.ts";
import { compose } from "../compose.ts";
import { GatewayError } from "../error.ts";
import { type CallRecord, type Code, codes, log } from "../index.ts";
import { settled } from "../testing/outcome.ts";
import { chat, scripted } from "../testing.ts";

/** What every secret holds, so that none is overlooked. */
const MARK = "9Zq7Rk2Vw9Tn4Xp6Ls8";

const CREDENTIALS: readonly string[] = [
  `sk-proj-${MARK}`,
  `Bearer ${MARK}`,
  `authorization: Basic ${MARK}==`,
  `cookie: a="${MARK}"; b=${MARK}`,
  `{"x-api-key":"${MARK}","n":1}`,
  `https://host/path?key=${MARK}&a=b`,
  `gw_${MARK}${MARK}`,
  `eyJ${MARK}.${MARK}.${MARK}`,
  `task%20sk-${MARK}`,
  `within_a_wordgw_${MARK}${MARK}${MARK}`,
  `within_a_wordsk-${MARK}${MARK}`,
];

/** What a caller says, and a model answers. */
const SAID = `In confidence: the merger ${MARK} is on the 4th of May, and nobody is to know.`;

/** A generator of numbers from 0 to 1 that can be repeated. */
function randomFrom(seed: number): () => number {
  let state = seed;
  return () => {
    state = (Math.imul(state, 1664525) + 1013904223) >>> 0;
    return state / 2 ** 32;
  };
}

test("no secret is in the record of a call, wherever it comes from and however the call fails", async () => {
  for (let seed = 1; seed <= 500; seed++) {
    const random = randomFrom(seed);
    const pick = <T>(from: readonly T[]): T => from[Math.floor(random() * from.length)] as T;
    const nasty = (): string =>
      `${pick(["", "so\n", "\u001b[1m", `${"x".repeat(900)} `])}${pick(CREDENTIALS)} ${pick(["", "end"])}`;
    const quoted = (): string => pick([nasty(), `it said ${SAID}`, JSON.stringify({ content: SAID })]);
    const chunk = (finish_reason: string | null): ChatChunk => ({
      model: nasty(),
      choices: [
        {
          index: 0,
          delta: { content: SAID, tool_calls: [{ index: 0, function: { name: nasty(), arguments: SAID } }] },
          finish_reason,
          post_processing: [{ type: nasty(), fixes: [nasty()] }],
        },
      ],
    });
    // Any table of strings has these.
    const code = pick(Object.keys(codes) as Code[]);
    const issues = [{ path: nasty(), message: nasty() }];
    const message = codes[code].origin === "upstream" ? quoted() : nasty();
    const cause = pick([new Error(quoted()), quoted(), { secret: MARK }, new Error("outer", { cause: quoted() })]);
    const known = new GatewayError(code, message, { issues, cause });
    const thrown = pick([known, new Error(quoted(), { cause })]);
    const records: CallRecord[] = [];
    const handler = compose([log({ sink: { write: (record) => void records.push(record) } })], async (request) => {
      request.call.context.set(caller, { name: nasty() });
      request.call.context.set(attempts, [
        { provider: nasty(), model: nasty(), durationMs: 1, upstreamRequestId: nasty(), code },
      ]);
      return scripted(pick([thrown, [chunk(null), thrown], [chunk(nasty())]]))(request);
    });
    await handler(requestOf(nasty))
      .then(collect)
      .catch(() => {});
    await settled();

    assert.equal(records.length, 1);
    const text = JSON.stringify(records[0]);
    assert.ok(!text.includes(MARK.slice(0, 8)), `seed ${seed}: ${text}`);
    // One line, whatever reads it: nothing that a terminal obeys, and line feeds only in a stack, escaped.
    assert.doesNotMatch(text, /[\p{Cc}\u2028\u2029]|\\u00/u);
    if (records[0]?.error?.code !== "llm.internal") assert.ok(!text.includes("\\n"), text);
    assert.ok(text.length < 20_000);
  }
});

function requestOf(nasty: () => string): ChatRequest {
  const headers = { authorization: `Bearer ${MARK}`, cookie: `a=${MARK}`, "x-api-key": MARK };
  const json_schema = { name: nasty(), schema: { description: SAID } };
  const body = {
    model: nasty(),
    messages: [{ role: "user" as const, content: SAID }],
    stream: true,
    response_format: { type: "json_schema", json_schema },
  };
  return chat(body, { id: nasty(), headers });
}
