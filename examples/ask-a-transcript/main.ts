// A question about a recording: the prompt says where its transcript belongs, and the gateway puts it there.
import { bySpeaker, compose, gateway, injectTranscript, memoryTranscripts, toFetch } from "@gatewright/core";
import { openai } from "@gatewright/providers";
import { startSimulator } from "@gatewright/simulator";

const simulator = await startSimulator();

// In place of a transcription service: `assemblyAi({ apiKey })` is a source as well.
const source = memoryTranscripts({
  "call-17": {
    utterances: [
      { speaker: "A", start: 400, text: "Where is my parcel?" },
      { speaker: "B", start: 3_200, text: "It comes on Tuesday." },
    ],
  },
});

const pipeline = compose([injectTranscript({ source, format: bySpeaker })], openai({ baseUrl: simulator.url }));
const fetch = toFetch(gateway(pipeline));

const response = await fetch("http://gateway/v1/chat/completions", {
  method: "POST",
  headers: { "content-type": "application/json" },
  body: JSON.stringify({
    model: "sim",
    transcript_id: "call-17",
    messages: [{ role: "user", content: "When does the parcel come?\n\n{{ transcript }}" }],
  }),
});

// The simulator's answer is what it was told.
const { model, choices } = JSON.parse(await response.text());
console.log(`${model}: ${choices[0].message.content}`);

await simulator.close();
