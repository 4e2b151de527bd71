import assert from "node:assert/strict";
import { test } from "node:test";
import { type Encoding, Unwrapper } from "./encoded.ts";

const TEXTS: readonly (readonly [Encoding, string, string])[] = [
  ["escaped text", '\\"a\\": \\"b\\\\nc\\"\\n\\u0041\\\\', '"a": "b\\nc"\n\\u0041\\'],
  ["HTML entities", "&quot;a&quot;: &lt;b&gt; &amp;amp; &#39; & &nbsp; &", '"a": <b> &amp; \' & &nbsp; &'],
];

for (const [encoding, text, plain] of TEXTS) {
  test(`one layer of ${encoding} is taken off, in whichever pieces`, () => {
    for (let at = 0; at <= text.length; at++) {
      const unwrapper = new Unwrapper(encoding);
      assert.equal(unwrapper.push(text.slice(0, at)) + unwrapper.push(text.slice(at)) + unwrapper.end(), plain);
    }
  });
}
