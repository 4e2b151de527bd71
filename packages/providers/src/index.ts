export type { AssemblyAIOptions } from "./assembly-ai.ts";
export { assemblyAi } from "./assembly-ai.ts";
export type { OpenAIOptions, Provider } from "./openai.ts";
export { openai } from "./openai.ts";
export { route } from "./route.ts";
