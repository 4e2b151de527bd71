import { createServer } from "node:http";
import { gateway, shed, toNode } from "@gatewright/core";
import { listen } from "../../listen.ts";
import { answerQuestions } from "../child.ts";
import { makePipeline } from "./pipeline.ts";
import { type Pulse, type Rest, watch } from "./watch.ts";

export type GatewayQuestion = "url" | "pulse" | "rest";

export interface GatewayPulse extends Pulse {
  /** Sockets of callers. */
  readonly connections: number;
  /** Slots of `concurrency` that are held, and calls that wait for one. */
  readonly inFlight: number;
  readonly waiting: number;
  /** Calls that have entered the pipeline, and those of them that have not left their one record. */
  readonly entered: number;
  readonly unended: number;
  /** How often a circuit has opened. */
  readonly opened: number;
}

/** How long the gateway waits for a caller that reads nothing, in milliseconds. */
const WRITE_IDLE_MS = 1000;

/** Runs the gateway and answers the questions of the soak. `slots` is how many calls each caller may have in flight. */
export async function runGateway(providerUrl: string, slots: number): Promise<void> {
  const { handler, state } = makePipeline(providerUrl, slots);
  const api = gateway(handler, { writeIdleMs: WRITE_IDLE_MS, keepAliveMs: 300, admit: shed({ maxDelayMs: 2000 }) });
  const server = createServer(toNode(api));
  // Which side closes an idle connection first is not what is looked at here.
  server.keepAliveTimeout = 600_000;
  const { url } = await listen(server);
  // From here on: what goes wrong before that ends the process.
  const watched = watch();
  answerQuestions<GatewayQuestion>(async (question): Promise<string | GatewayPulse | Rest> => {
    if (question === "url") return url;
    if (question === "rest") return watched.rest();
    const connections = await new Promise<number>((resolve) => {
      server.getConnections((_error, count) => resolve(count));
    });
    return { ...watched.pulse(), connections, ...state() };
  });
}
