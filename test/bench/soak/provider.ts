import { startSimulator } from "@gatewright/simulator";
import { answerQuestions } from "../child.ts";
import { type Pulse, type Rest, watch } from "./watch.ts";

export type ProviderQuestion = "url" | "pulse" | "rest";

export interface ProviderPulse extends Pulse {
  /** Calls that the simulator has not ended. */
  readonly open: number;
  readonly connections: number;
}

/** Runs the simulator and answers the questions of the soak. */
export async function runProvider(seed: number): Promise<void> {
  const simulator = await startSimulator({ seed });
  const watched = watch();
  answerQuestions<ProviderQuestion>(async (question): Promise<string | ProviderPulse | Rest> => {
    if (question === "url") return simulator.url;
    const { open, connections } = simulator;
    if (question === "pulse") return { ...watched.pulse(), open, connections };
    // The calls that it remembers are not left behind: it is meant to.
    simulator.reset();
    return watched.rest();
  });
}
