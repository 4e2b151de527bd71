import assert from "node:assert/strict";
import { test } from "node:test";
import { type ChatChunk, collect, compose, type Delta, GatewayError } from "@gatewright/core";
import { chat, scripted } from "@gatewright/core/testing";
import { postProcess } from "./post-process.ts";
import type { PostProcessStep } from "./step.ts";
import { validateOutput } from "./validate-output.ts";

// What is repaired is what is checked, however services write it.

// Some of these are what services write whatever the types say.
function chunk(delta: object, finish_reason: string | null = null, index = 0): ChatChunk {
  return { id: "c", choices: [{ index, delta: delta as Delta, finish_reason }] };
}

const f = (given: unknown, more: object = {}) => ({
  ...more,
  type: "function",
  function: { name: "f", arguments: given },
});
const rest = (given: unknown, more: object = {}) => ({ ...more, function: { arguments: given } });
const custom = { id: "c0", type: "custom", custom: { name: "x", input: "hi" } };
const CONTENT = "choices[0].message.content";
const call = (at: number): string => `choices[0].message.tool_calls[${at}].function.arguments`;

/** An answer, and its texts: each is `{"a":1}`. */
const ANSWERS: Readonly<Record<string, readonly [chunks: readonly ChatChunk[], paths: readonly string[]]>> = {
  "content in pieces": [[chunk({ content: '{"a"' }), chunk({ content: ":1}" }), chunk({}, "stop")], [CONTENT]],
  "content in parts": [
    [
      chunk({ content: [{ type: "text", text: '{"a"' }] }),
      chunk({ content: [{ type: "output_text", text: ":1}" }] }, "stop"),
    ],
    [CONTENT],
  ],
  "a thought before the content": [
    [
      chunk(
        {
          content: [
            { type: "thinking", text: "Hm" },
            { type: "text", text: '{"a":1}' },
          ],
        },
        "stop",
      ),
    ],
    [CONTENT],
  ],
  "a thought of parts, and an image": [
    [
      chunk({ content: [{ type: "thinking", thinking: [{ text: "Hm" }] }, { type: "image" }] }),
      chunk({ content: '{"a":1}' }, "stop"),
    ],
    [CONTENT],
  ],
  "content that is parsed": [[chunk({ content: { a: 1 } }, "stop")], [CONTENT]],
  "reasoning beside the content": [[chunk({ reasoning: "Hm", content: '{"a":1}' }, "stop")], [CONTENT]],
  "another end": [[chunk({ content: '{"a":1}' }, "stop"), chunk({ content: "" }), chunk({}, "stop")], [CONTENT]],
  "an index that is no number": [
    [
      {
        id: "c",
        choices: [{ index: "sk-a" as unknown as number, delta: { content: '{"a":1}' }, finish_reason: "stop" }],
      },
    ],
    ["choices[?].message.content"],
  ],
  "calls with indexes": [
    [
      chunk({ tool_calls: [f('{"a"', { index: 0 }), f('{"a":', { index: 1 })] }),
      chunk({ tool_calls: [rest(":1}", { index: 0 }), rest("1}", { index: 1 })] }, "tool_calls"),
    ],
    [call(0), call(1)],
  ],
  "calls without, each in a chunk": [
    [
      chunk({ tool_calls: [f('{"a":1}', { id: "a" })] }),
      chunk({ tool_calls: [f('{"a":1}', { id: "b" })] }),
      chunk({}, "tool_calls"),
    ],
    [call(0), call(1)],
  ],
  "calls without, in pieces": [
    [
      chunk({ tool_calls: [f('{"a"', { id: "a" })] }),
      chunk({ tool_calls: [rest(":1}")] }),
      chunk({ tool_calls: [f('{"a":', { id: "b" })] }),
      chunk({ tool_calls: [rest("1}", { id: "b" })] }, "tool_calls"),
    ],
    [call(0), call(1)],
  ],
  "whole calls without": [
    [chunk({ tool_calls: [f('{"a":1}', { id: "a" }), f('{"a":1}', { id: "b" })] }, "tool_calls")],
    [call(0), call(1)],
  ],
  "a call of another kind": [
    [
      chunk({ tool_calls: [custom] }),
      chunk({ tool_calls: [f('{"a"', { id: "a" })] }),
      chunk({ tool_calls: [rest(":1}")] }, "tool_calls"),
    ],
    [call(1)],
  ],
  "only one of another kind": [[chunk({ content: "So.", tool_calls: [custom] }, "tool_calls")], []],
  "arguments that are parsed": [[chunk({ tool_calls: [f({ a: 1 }, { id: "a" })] }, "tool_calls")], [call(0)]],
  "arguments that begin with null": [
    [chunk({ tool_calls: [f(null, { id: "a" })] }), chunk({ tool_calls: [rest('{"a":1}')] }, "tool_calls")],
    [call(0)],
  ],
  "words beside a call": [[chunk({ content: "So: " }), chunk({ tool_calls: [f('{"a":1}')] }, "tool_calls")], [call(0)]],
  "a call in the old way": [
    [chunk({ content: "So.", function_call: { name: "f", arguments: "{}" } }, "function_call")],
    [],
  ],
  "a refusal": [[chunk({ content: "So." }), chunk({ refusal: "No." }), chunk({}, "stop")], []],
};

const asking = (schema: object) => ({
  response_format: { type: "json_schema", json_schema: { name: "x", schema } },
  tools: [{ type: "function", function: { name: "f", parameters: schema } }],
});

for (const [what, [chunks, paths]] of Object.entries(ANSWERS)) {
  test(`${what}: what is worked on is what is checked`, async () => {
    const texts = new Map<string, string>();
    const step: PostProcessStep = {
      type: "look",
      begin: ({ path }) => ({
        push(piece) {
          texts.set(path, (texts.get(path) ?? "") + piece);
          return piece;
        },
        end: () => ({ verdict: "valid", text: "", fixes: [] }),
      }),
    };
    const worked = compose([postProcess({ steps: [step], configured: ["look"] })], scripted(chunks));
    await collect(await worked(chat(asking({}))));
    const alone = new Map([...texts].filter(([, text]) => text !== "So." && text !== "So: "));
    assert.deepEqual(alone, new Map(paths.map((path) => [path, '{"a":1}'])));

    const checked = compose([validateOutput()], scripted(chunks, chunks));
    await collect(await checked(chat(asking({ const: { a: 1 } }))));
    const failing = async () => collect(await checked(chat(asking({ const: 2 }))));
    if (paths.length === 0) await failing();
    else {
      await assert.rejects(failing, (error: GatewayError) => {
        assert.deepEqual(
          error.issues.map(({ path }) => path),
          paths,
        );
        return true;
      });
    }
  });
}

test("what is said behind a finish reason is neither worked on nor checked, and so not passed on", async () => {
  const layers = [validateOutput(), postProcess({ configured: ["json-repair"] })];
  for (const layer of layers) {
    for (const delta of [{ content: " and more" }, { content: { b: 2 } }, { tool_calls: [f("{}", { id: "a" })] }]) {
      const chunks = [chunk({ content: '{"a":1}' }, "stop"), chunk(delta)];
      const replying = compose([layer], scripted(chunks))(chat(asking({})));
      await assert.rejects(
        async () => collect(await replying),
        (error: unknown) => {
          assert.ok(error instanceof GatewayError);
          assert.equal(error.code, "llm.output.invalid_json");
          assert.match(error.message, /goes on behind its finish reason/);
          return true;
        },
      );
    }
  }
});
