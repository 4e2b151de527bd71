// A model that answers almost JSON, and almost what it was asked for: repaired, checked against the schema, and asked again.
import { collect, compose, createCall, type Handler, textReply } from "@gatewright/core";
import { postProcess, validateOutput } from "@gatewright/post-process";

const schema = {
  type: "object",
  properties: {
    item: { type: "string" },
    size: { enum: ["small", "large"] },
    sugars: { type: "integer", minimum: 0 },
  },
  required: ["item", "size", "sugars"],
  additionalProperties: false,
};

/** Stands in for a model: messy at first, and better once it is told what is wrong. */
const model: Handler = async ({ messages }) => {
  console.log(`The model is told:\n${messages.at(-1)?.content}\n`);
  const isTold = messages.length > 1;
  return textReply(
    isTold
      ? "```json\n{item: 'tea', size: 'large', sugars: 2,}\n```"
      : "Sure! {item: 'tea', size: 'huge', sugars: 'two'}",
  );
};

const pipeline = compose(
  [validateOutput({ remedy: "ask-again" }), postProcess({ configured: ["json-repair"] })],
  model,
);

const { choices } = await collect(
  await pipeline({
    model: "any",
    messages: [{ role: "user", content: "Two sugars and a large tea, please." }],
    response_format: { type: "json_schema", json_schema: { name: "order", schema } },
    call: createCall(),
  }),
);
console.log("The caller gets:", JSON.parse(String(choices[0]?.message.content)));
