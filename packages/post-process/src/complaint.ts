import type { ChatMessage, Issue } from "@gatewright/core";
import type { Said } from "./choice-text.ts";
import { UNNAMED_STEP } from "./schema/path.ts";

/** What is said to a model whose answer does not match: its own answer, and what is wrong with it. */
export function complaintOf(issues: readonly Issue[], said: Said): readonly ChatMessage[] {
  if (said.calls.length === 0) {
    return [
      { role: "assistant", content: said.content },
      {
        role: "user",
        content: `That does not match what was asked for:\n${listOf(issues)}\nAnswer again, with nothing but the corrected JSON.`,
      },
    ];
  }
  // Every call of a tool is answered, or a provider would refuse the conversation.
  const named = said.calls.map((call, at) => ({ ...call, id: call.id ?? `call_${at}` }));
  return [
    {
      role: "assistant",
      content: said.content === "" ? null : said.content,
      tool_calls: named.map(({ id, name, arguments: given }) => ({
        id,
        type: "function",
        function: { name, arguments: given },
      })),
    },
    ...named.map(({ id, faults }): ChatMessage => {
      const content =
        faults.length === 0
          ? "Not run: another call of the same answer cannot be run. Call it again."
          : `Not run, its arguments do not match:\n${listOf(faults)}\nCall it again with corrected arguments.`;
      return { role: "tool", tool_call_id: id, content };
    }),
  ];
}

/** A line for each place within the text that is wrong; where that is in the answer of an API means nothing to a model. */
function listOf(issues: readonly Issue[]): string {
  const list = issues.map(({ path, message }) => `- ${path.replace(PLACE, "") || "the whole"} ${message}`).join("\n");
  const isUnnamed = issues.some(({ path }) => path.includes(UNNAMED_STEP));
  return isUnnamed ? `${list}\n${UNNAMED_STEP} is a property whose name the schema does not give.` : list;
}

const PLACE = /^choices\[[\d?]+\]\.message\.(?:content|tool_calls\[[\d?]+\]\.function\.arguments)\.?/;
