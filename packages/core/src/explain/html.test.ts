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
const html = htmlText(page);

test("text of a log is text in the page, wherever it stands", () => {
  assert.doesNotMatch(html, /<script|alert\("|\u202e/);
  assert.equal(html.split("&lt;script&gt;alert(&quot;1&quot;)&lt;/script&gt;&amp;&#39;").length - 1, 17);
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
