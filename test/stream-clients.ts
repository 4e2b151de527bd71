import { createOpenAICompatible } from "@ai-sdk/openai-compatible";
import type { AIMessageChunk } from "@langchain/core/messages";
import { ChatOpenAI, ChatOpenAICompletions } from "@langchain/openai";
import { isStepCount, jsonSchema, streamText, type TextStreamPart, type ToolSet, tool } from "ai";
import OpenAI from "openai";

/** What a client made of a stream. */
export interface Read {
  /** What it delivered, piece by piece, put together. */
  readonly text: string;
  /** Whether it reported success: a finish reason that is not its own for a failure, or a final message. */
  readonly finished: boolean;
  /** What it reported as a failure: thrown, told to a listener or as a part of its stream. */
  readonly error: unknown;
  /** The arguments of the tool calls that it handed out to be carried out. */
  readonly tools: readonly string[];
}

interface ReadOptions {
  /** Whether a tool is offered. */
  readonly offer?: boolean | undefined;
  readonly signal?: AbortSignal | undefined;
  /** Told of every piece of text. */
  readonly onText?: () => void;
}

/** A client as its users have it, with its own retries. */
export interface StreamClient {
  read(baseURL: string, model: string, options?: ReadOptions): Promise<Read>;
}

/** A `Read` while it is being made. */
class Reading implements Read {
  text = "";
  finished = false;
  error: unknown;
  readonly tools: string[] = [];
  readonly #onText: () => void;

  constructor({ onText = () => {} }: ReadOptions) {
    this.#onText = onText;
  }

  add(text = ""): void {
    this.text += text;
    if (text) this.#onText();
  }

  handOut(input: unknown): string {
    this.tools.push(typeof input === "string" ? input : JSON.stringify(input));
    return "It rains.";
  }
}

interface Ask extends ReadOptions {
  readonly baseURL: string;
  readonly model: string;
}

function client(run: (reading: Reading, ask: Ask) => Promise<void>): StreamClient {
  return {
    async read(baseURL, model, options = {}) {
      const reading = new Reading(options);
      try {
        await run(reading, { baseURL, model, ...options });
      } catch (thrown) {
        reading.error ??= thrown;
      }
      const { text, finished, error, tools } = reading;
      return { text, finished, error, tools };
    },
  };
}

/** What each of them asks. */
export const PROMPT = "What is the weather like?";
const description = "Tells the weather.";
const parameters = {
  type: "object" as const,
  properties: { city: { type: "string" as const }, days: { type: "integer" as const } },
  required: ["city", "days"],
};
const offered = { type: "function" as const, function: { name: "weather", description, parameters } };

const completions = (baseURL: string): OpenAI.Chat.Completions =>
  new OpenAI({ baseURL, apiKey: "unused" }).chat.completions;

function asked({ model, offer }: Ask): {
  model: string;
  messages: OpenAI.ChatCompletionMessageParam[];
  tools?: OpenAI.ChatCompletionFunctionTool[];
} {
  return { model, messages: [{ role: "user", content: PROMPT }], ...(offer && { tools: [offered] }) };
}

interface Streams {
  readonly textStream: AsyncIterable<string>;
  readonly fullStream: AsyncIterable<TextStreamPart<ToolSet>>;
}

/** An agent of two steps that carries its tool out, or one step and a tool that the caller carries out. */
function ai(agent: boolean, read: (reading: Reading, streams: Streams) => Promise<void>): StreamClient {
  return client(async (reading, { baseURL, model, offer, signal }) => {
    const weather = { description, inputSchema: jsonSchema<{ city: string }>(parameters) };
    const tools: ToolSet = {
      weather: agent ? tool({ ...weather, execute: (input) => reading.handOut(input) }) : tool(weather),
    };
    const result = streamText({
      model: createOpenAICompatible({ name: "gateway", baseURL })(model),
      prompt: PROMPT,
      stopWhen: isStepCount(agent ? 2 : 1),
      onError: ({ error }) => {
        if (agent) reading.error ??= error;
      },
      ...(offer && { tools }),
      ...(signal && { abortSignal: signal }),
    });
    await read(reading, result);
    reading.finished = (await result.finishReason) !== "error";
  });
}

/** LangChain counts tokens with a table that it fetches from a site of its own: here words do. */
class Completions extends ChatOpenAICompletions {
  override async getNumTokens(content: unknown): Promise<number> {
    return String(content).split(" ").length;
  }
}

function langchain({ baseURL, model }: Ask, fields?: { readonly streaming: true }): ChatOpenAI {
  const all = { model, apiKey: "unused", configuration: { baseURL }, ...fields };
  return new ChatOpenAI({ ...all, completions: new Completions(all) });
}

function callOptions({ offer, signal }: Ask): { signal?: AbortSignal; tools?: (typeof offered)[] } {
  return { ...(signal && { signal }), ...(offer && { tools: [offered] }) };
}

/** Every client, in each of the ways in which it reads a stream. */
export const clients: Readonly<Record<string, StreamClient>> = {
  "openai, a stream": client(async (reading, ask) => {
    const body = { ...asked(ask), stream: true as const };
    for await (const { choices } of await completions(ask.baseURL).create(body, { signal: ask.signal })) {
      reading.add(choices[0]?.delta.content ?? "");
      if (choices[0]?.finish_reason) reading.finished = true;
    }
  }),
  "openai, the stream helper": client(async (reading, ask) => {
    const stream = completions(ask.baseURL)
      .stream(asked(ask), { signal: ask.signal })
      .on("content", (piece) => reading.add(piece))
      .on("tool_calls.function.arguments.done", (call) => reading.handOut(call.arguments));
    await stream.finalChatCompletion();
    reading.finished = true;
  }),
  "openai, the tool runner": client(async (reading, ask) => {
    const runnable = {
      ...offered,
      function: { ...offered.function, function: (input: string) => reading.handOut(input) },
    };
    const runner = completions(ask.baseURL)
      .runTools({ ...asked(ask), stream: true, tools: ask.offer ? [runnable] : [] }, { signal: ask.signal })
      .on("content", (piece) => reading.add(piece));
    await runner.finalChatCompletion();
    reading.finished = true;
  }),
  "ai, its text": ai(true, async (reading, { textStream }) => {
    for await (const piece of textStream) reading.add(piece);
  }),
  "ai, its parts": ai(false, async (reading, { fullStream }) => {
    for await (const part of fullStream) {
      if (part.type === "text-delta") reading.add(part.text);
      if (part.type === "error") reading.error ??= part.error;
      if (part.type === "tool-call" && !part.invalid) reading.handOut(part.input);
    }
  }),
  "LangChain, a stream": client(async (reading, ask) => {
    let whole: AIMessageChunk | undefined;
    for await (const chunk of await langchain(ask).stream(PROMPT, callOptions(ask))) {
      reading.add(chunk.text);
      if (chunk.response_metadata.finish_reason) reading.finished = true;
      whole = whole?.concat(chunk) ?? chunk;
    }
    for (const { args } of whole?.tool_calls ?? []) reading.handOut(args);
  }),
  "LangChain, streaming within": client(async (reading, ask) => {
    const listener = { handleLLMNewToken: (token: string) => reading.add(token) };
    const message = await langchain(ask, { streaming: true }).invoke(PROMPT, {
      ...callOptions(ask),
      callbacks: [listener],
    });
    reading.finished = true;
    for (const { args } of message.tool_calls ?? []) reading.handOut(args);
  }),
};
