import assert from "node:assert/strict";
import { test } from "node:test";
import { redact } from "./redact.ts";

const KEY = "Zq7Rk2Vw9Tn4Xp6Ls8Jd3Hf5Gb1Mc0Qy";

const SHOWN: Readonly<Record<string, readonly [text: string, secret: string]>> = {
  "a bearer token": [`Authorization: Bearer ${KEY}`, KEY],
  "a bearer token in lower case": [`got bearer   ${KEY}, sorry`, KEY],
  "an OpenAI key": [`Incorrect API key provided: sk-proj-${KEY}.`, KEY],
  "a partly masked OpenAI key": ["Incorrect API key provided: sk-Ab12****xY9z.", "xY9z"],
  "an Anthropic key": [`invalid x-api-key sk-ant-api03-${KEY}`, KEY],
  "a Groq key": [`gsk_${KEY} is not valid`, KEY],
  "an xAI key": [`(xai-${KEY})`, KEY],
  "a restricted key": [`rk_${KEY}`, KEY],
  "a Google key": [`API key not valid: AIzaSy${KEY}`, KEY],
  "an x-api-key header": [`x-api-key: ${KEY}`, KEY],
  "an api-key header": [`{"api-key":"${KEY}"}`, KEY],
  "an api_key parameter": [`GET /v1?api_key=${KEY}`, KEY],
  "an apiKey field": [`{"apiKey": "${KEY}"}`, KEY],
  "a raw Authorization header": [`authorization: ${KEY}`, KEY],
  "a Basic Authorization header": [`Authorization: Basic ${KEY}`, KEY],
  "a Cookie header": [`Cookie: session=${KEY}`, KEY],
  "the second cookie of a header": [`cookie: theme=dark; session=${KEY}`, KEY],
};

for (const [what, [text, secret]] of Object.entries(SHOWN)) {
  test(`${what} is masked`, () => {
    const shown = redact(text);
    assert.ok(!shown.includes(secret), shown);
    assert.match(shown, /\*\*\*/);
  });
}

test("given secrets are masked wherever they are", () => {
  const shown = redact(`${KEY}a${KEY}, "${KEY}" (x${KEY}x)${KEY}`, [KEY]);
  assert.equal(shown, '***a***, "***" (x***x)***');
});

test("a given secret is text, not a pattern", () => {
  assert.equal(redact("a.c abc $& a.c", ["a.c"]), "*** abc $& ***");
});

test("an empty secret masks nothing", () => {
  assert.equal(redact("harmless", [""]), "harmless");
});

test("of a secret that the cut runs through, nothing is shown", () => {
  for (let before = 0; before < 64; before++) {
    const shown = redact(`${"x".repeat(before)} ${`${KEY} `.repeat(200)}`, [KEY], 100);
    assert.ok(!shown.includes(KEY.slice(0, 4)), `after ${before} characters: ${shown}`);
  }
});

test("of a secret that stands where the text is cut, nothing is shown", () => {
  for (let before = 60; before < 110; before++) {
    const shown = redact(`${"x".repeat(before)}${KEY} and more`.padEnd(1000, "."), [KEY], 100);
    assert.ok(!shown.includes(KEY.slice(0, 4)), `after ${before} characters: ${shown}`);
  }
});

test("of a long secret in a long text, nothing is shown", () => {
  const long = KEY.repeat(50);
  for (let before = 0; before < 64; before++) {
    const shown = redact(`${"x".repeat(before)} ${`${long} `.repeat(100)}`, [long]);
    assert.ok(!shown.includes(KEY.slice(0, 4)), `after ${before} characters: ${shown}`);
  }
});

test("harmless text stays as it is", () => {
  for (const text of ["", "The model `gpt-4o` does not exist", "Überlastet: 日本 ✓", "a task-based, risk-free plan"]) {
    assert.equal(redact(text, [KEY]), text);
  }
});

test("control characters cannot forge lines or colours", () => {
  const shown = redact("a\u001b[31mred\u001b[0m\r\nSet-Cookie: b\u0000\u0007\u007f\u009b31m");
  // biome-ignore lint/suspicious/noControlCharactersInRegex: they are what is looked for
  assert.doesNotMatch(shown, /[\u0000-\u0008\u000b-\u001f\u007f-\u009f]/);
  assert.match(shown, /red/);
});

test("a text is cut at its limit, and shows that it was", () => {
  assert.equal(redact("x".repeat(1000)), "x".repeat(1000));
  assert.equal(redact("x".repeat(1001)), `${"x".repeat(999)}…`);
  assert.equal(redact("x".repeat(50), [], 10), "xxxxxxxxx…");
  assert.equal(redact("x".repeat(10), [], 10), "xxxxxxxxxx");
});

test("masking comes before cutting, so that a long secret does not use up the limit", () => {
  assert.equal(redact(`${KEY} says why`, [KEY], 25), "*** says why");
});

const MEGABYTE = 1 << 20;
const HOSTILE: Readonly<Record<string, string>> = {
  bearer: "bearer ",
  "bearer and spaces": `bearer${" ".repeat(1000)}`,
  "key prefixes": "sk-",
  "keys of a gateway": "gw_",
  tokens: "eyJ-",
  "tokens with a dot": "eyJaaaaaaaaaaaa.",
  "api keys without a value": "api-key ",
  "api keys and spaces": `api_key${" ".repeat(1000)}`,
  cookies: 'cookie"',
  "control characters": "\u0001\u0002",
  secrets: KEY,
};

for (const [what, piece] of Object.entries(HOSTILE)) {
  test(`a megabyte of ${what} is masked in a moment, also where all of it may be shown`, () => {
    const text = piece.repeat(MEGABYTE / piece.length);
    const startedAt = performance.now();
    assert.ok(redact(text, [KEY], MEGABYTE).length <= MEGABYTE);
    assert.ok(redact(text, [KEY]).length <= 1000);
    const ms = performance.now() - startedAt;
    assert.ok(ms < 5000, `${ms} ms`);
  });
}

test("keys of a gateway and JSON Web Tokens are masked", () => {
  assert.equal(redact(`the key gw_${"a".repeat(43)} is wrong`), "the key gw_*** is wrong");
  assert.equal(redact("token eyJhbGciOiJIUzI1NiJ9.eyJzdWIiOiJhIn0.c2ln here"), "token eyJ*** here");
  assert.equal(redact("its hint is gw_abcd…wxyz"), "its hint is gw_abcd…wxyz");
});
