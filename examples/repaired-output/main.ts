// A model that answers almost JSON, and a caller that gets JSON: the step `json-repair` between the two.
import { compose, createCall, type Handler, textReply } from "@gatewright/core";
import { postProcess } from "@gatewright/post-process";

/** Stands in for a model, and answers as they do. */
const chatty: Handler = async () =>
  textReply(`Sure! Here is the order:

\`\`\`json
{
  'item': "tea",
  size: 'large',
  "notes": "say "hello" to Ann",   // she knows
  "paid": True,
  "extras": ["milk" "sugar",
}
\`\`\`
Anything else?`);

const pipeline = compose([postProcess()], chatty);

const reply = await pipeline({
  model: "chatty",
  messages: [{ role: "user", content: "A large tea, please." }],
  post_processing_steps: [{ type: "json-repair" }],
  call: createCall(),
});

for await (const { choices } of reply.chunks) {
  console.log(JSON.parse(String(choices[0]?.delta.content)));
  console.log(choices[0]?.post_processing);
}
