// A step of your own: it takes what a model thinks aloud out of its answer, also where the tags come in pieces.
import { compose, createCall, type Handler } from "@gatewright/core";
import { chunksOf } from "@gatewright/core/testing";
import { jsonRepair, type PostProcessStep, postProcess } from "@gatewright/post-process";

const OPEN = "<think>";
const CLOSE = "</think>";

const withoutThoughts: PostProcessStep = {
  type: "without-thoughts",
  begin() {
    let held = "";
    let thinks = false;
    let found = false;
    /** What of the text is final: all that can be no part of a tag that goes on in the next piece. */
    const read = (text: string): string => {
      const tag = thinks ? CLOSE : OPEN;
      const at = text.indexOf(tag);
      if (at !== -1) {
        found = true;
        thinks = !thinks;
        return (thinks ? text.slice(0, at) : "") + read(text.slice(at + tag.length));
      }
      const begun = Math.max(0, ...Array.from(tag, (_, length) => (text.endsWith(tag.slice(0, length)) ? length : 0)));
      held = text.slice(text.length - begun);
      return thinks ? "" : text.slice(0, text.length - begun);
    };
    return {
      push: (piece) => read(held + piece),
      end: () => ({
        verdict: found ? "repaired" : "valid",
        text: thinks ? "" : held,
        fixes: found ? ["thoughts"] : [],
      }),
    };
  },
};

/** Stands in for a model, and streams its answer in small pieces. */
const model: Handler = async () => {
  const chunks = chunksOf("<thi", "nk>They want", " tea.</th", "ink>\n{'item':", " 'tea',", "}");
  return {
    headers: {},
    chunks: (async function* () {
      yield* chunks;
    })(),
  };
};

const pipeline = compose([postProcess({ steps: [withoutThoughts, jsonRepair()] })], model);
const reply = await pipeline({
  model: "any",
  stream: true,
  messages: [{ role: "user", content: "A tea, please." }],
  post_processing_steps: [{ type: "without-thoughts" }, { type: "json-repair" }],
  call: createCall(),
});
for await (const { choices } of reply.chunks) {
  const [choice] = choices;
  if (choice?.delta.content) process.stdout.write(`[${choice.delta.content}]`);
  if (choice?.post_processing) console.log("", choice.post_processing);
}
