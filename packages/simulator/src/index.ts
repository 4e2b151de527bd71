export type { SimulatedCall } from "./call-log.ts";
export { simulatorModels } from "./models.ts";
export { type SimulatorFetch, type SimulatorFetchOptions, simulatorFetch } from "./simulator-fetch.ts";
export { type Simulator, type SimulatorOptions, startSimulator } from "./start-simulator.ts";
