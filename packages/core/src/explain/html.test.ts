import assert from "node:assert/strict";
import { test } from "node:test";
import { htmlText } from "./html.ts";
import type { Page } from "./page.ts";

const evil = `<script>alert("1")</script>&'\u202e`;
const page: Page = {
  title: evil,
  lead: evil,
  sections: [
    {
      title: evil,
      blocks: [
        { kind: "text", text: evil },
        { kind: "list", items: [evil] },
        { kind: "facts", facts: [[evil, evil]] },
        {
          kind: "table",
          caption: evil,
          columns: [{ title: evil }, { title: evil, side: "right" }],
          rows: [[evil, evil]],
        },
        {
          kind: "plot",
          caption: evil,
          series: {
            fromMs: 0,
            stepMs: 60_000,
            buckets: [
              { calls: 4, errors: 1 },
              { calls: 0, errors: 0 },
              { calls: 2, errors: 2 },
            ],
          },
        },
      ],
    },
  ],
};
const html = htmlText(page, { read: [evil, "log.jsonl"], madeMs: 0 });

test("text of a log is text in the page, wherever it stands", () => {
  assert.doesNotMatch(html, /<script|alert\("|\u202e/);
  assert.equal(html.split("&lt;script&gt;alert(&quot;1&quot;)&lt;/script&gt;&amp;&#39;").length - 1, 19);
});

test("a page needs nothing but itself", () => {
  assert.match(
    html,
    /<meta http-equiv="Content-Security-Policy" content="default-src 'none'; style-src 'unsafe-inline'">/,
  );
  assert.doesNotMatch(html, /\b(?:src|href|on\w+)=|url\(|@import|https?:/);
});

test("a page says what it is to those who do not see it, and has both colours", () => {
  assert.match(html, /<html lang="en">/);
  assert.match(html, /<title>&lt;script/);
  assert.match(html, /<caption>/);
  assert.match(html, /<th scope="col">/);
  assert.match(html, /<th scope="row">/);
  assert.match(
    html,
    /role="img" aria-label="[^"]*6 calls and 3 errors from 1970-01-01 00:00:00 to 1970-01-01 00:03:00 UTC; most errors from 1970-01-01 00:02:00 on: 2 of 2, 100 %/,
  );
  assert.match(html, /<meta name="color-scheme" content="light dark">/);
  assert.match(html, /prefers-color-scheme: dark/);
});

test("every element that is opened is closed, in order", () => {
  const open: string[] = [];
  for (const [, end, name = "", own] of html.matchAll(/<(\/?)([a-z][\w-]*)[^>]*?(\/?)>/g)) {
    if (end) assert.equal(open.pop(), name);
    else if (!own && name !== "meta") open.push(name);
  }
  assert.deepEqual(open, []);
});

test("bars are as high as their share, errors at the foot", () => {
  const bars = [...html.matchAll(/<rect class="(\w+)" x="[\d.]+" y="([\d.]+)" width="[\d.]+" height="([\d.]+)"/g)];
  assert.deepEqual(
    bars.map(([, kind, y, height]) => [kind, Number(y), Number(height)]),
    [
      ["calls", 12, 136.5],
      ["errors", 148.5, 45.5],
      ["errors", 103, 91],
    ],
  );
});

test("a page says what it is, of which files, and when it was made", () => {
  assert.match(html, /Gatewright explain/);
  assert.match(html, /Made 1970-01-01 00:00:00 UTC from &lt;script.*, log\.jsonl\./);
  const many = htmlText(page, { read: Array.from({ length: 14 }, (_, at) => `${at}.jsonl`), madeMs: 0 });
  assert.match(many, /, 9\.jsonl and 4 more\./);
});

test("the outcome has a colour and is written, too", () => {
  const shown = htmlText(
    { title: "t", tone: "bad", lead: "failed, llm.internal.", sections: [] },
    { read: [], madeMs: 0 },
  );
  assert.match(shown, /<p><strong class="bad">failed<\/strong>, llm\.internal\.<\/p>/);
});

test("what stands between backticks is code, and a stack keeps its lines", () => {
  const facts = [
    ["a", "send `x<y` and ` alone"],
    ["cause", "Error: `no`\n    at <a>\n    at b", "lines"],
  ] as const;
  const shown = htmlText(
    { title: "`t`", lead: "", sections: [{ title: "s", blocks: [{ kind: "facts", facts }] }] },
    { read: [], madeMs: 0 },
  );
  assert.ok(shown.includes("<dd>send <code>x&lt;y</code> and ` alone</dd>"));
  assert.ok(shown.includes('<dd class="lines">Error: `no`\n    at &lt;a&gt;\n    at b</dd>'));
  assert.ok(shown.includes("<h1>`t`</h1>"));
});

test("what is wide has a container that scrolls, and nothing in it shrinks to nothing", () => {
  assert.match(html, /<div class="scroll"[^>]*><svg/);
  assert.match(html, /<div class="scroll"[^>]*><table/);
  assert.match(html, /svg \{[^}]*min-width: 56rem/);
  assert.match(html, /th:first-child \{ min-width: 8rem;[^}]*overflow-wrap: break-word/);
});
