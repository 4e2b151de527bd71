export type { OpenAIOptions, Provider } from "./openai.ts";
export { openai } from "./openai.ts";
export { route } from "./route.ts";
