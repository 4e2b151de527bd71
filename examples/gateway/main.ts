import { createServer } from "node:http";
import type { AddressInfo } from "node:net";
import { auth, type Call, compose, type GatewayError, gateway, type Middleware, onEnd, toNode } from "@gatewright/core";
import { toExpress } from "@gatewright/express";
import { openai } from "@gatewright/providers";
import { startSimulator } from "@gatewright/simulator";
import express from "express";
import { pino } from "pino";
import { type Config, ConfigError, readConfig } from "./config.ts";

/** How long streams may take to finish once the gateway is told to stop, in milliseconds. */
const DRAIN_MS = 30_000;

const config = configOrExit();
const log = pino({ level: config.logLevel });

// Without a provider, the simulator answers: a real server on a port of its own, which needs no key.
const simulator = config.openai ? undefined : await startSimulator();
const provider = simulator ? openai({ name: "simulator", baseUrl: simulator.url }) : openai({ ...config.openai });

// The pipeline: the first listed is outermost. `mounted` is what start-up prints.
const keys = config.keys.length > 0 ? auth({ keys: config.keys }) : undefined;
const mounted: Record<string, Middleware> = { log: logCalls, ...(keys && { auth: keys }) };
const pipeline = compose(Object.values(mounted), provider);

const api = gateway(pipeline, {
  errors: config.errors,
  maxBodyBytes: config.maxBodyBytes,
  models: async (call) => {
    keys?.check(call);
    return provider.models(call);
  },
  onError: logFailure,
});

let draining = false;
const app = express().disable("x-powered-by");
app.get("/healthz", (_request, response) => void response.json({ status: "ok" }));
app.get("/readyz", (_request, response) => {
  response.status(draining ? 503 : 200).json({ status: draining ? "draining" : "ready" });
});
app.use("/v1", toExpress(api));
// Everything else: a 404 in the style of the gateway's other errors.
app.use(toNode(api));

const server = createServer({ headersTimeout: 15_000, keepAliveTimeout: 65_000 }, app);
server.once("error", (error: NodeJS.ErrnoException) => {
  exit(error.code === "EADDRINUSE" ? `PORT: ${config.port} is in use; set another` : `HOST, PORT: ${error.message}`);
});
server.listen(config.port, config.host, () => {
  // A server that listens on a TCP port has an address of this kind.
  const { port } = server.address() as AddressInfo;
  const host = config.host.includes(":") ? `[${config.host}]` : config.host;
  console.log(greeting(`http://${host}:${port}/v1`));
});
process.once("SIGTERM", stop).once("SIGINT", stop);

/** One line a call that was answered, when it has truly ended; what was not is a line of `logFailure`. */
async function logCalls(...[request, next]: Parameters<Middleware>): ReturnType<Middleware> {
  const { id, signal } = request.call;
  const startedAt = performance.now();
  const reply = await next(request);
  const facts = { request_id: id, model: request.model, stream: request.stream ?? false };
  return onEnd(
    reply,
    ({ outcome, usage }) =>
      log.info({ ...facts, outcome, usage, ms: Math.round(performance.now() - startedAt) }, "call"),
    signal,
  );
}

/** What callers are not shown: the cause of a defect, in full; of everything else what they saw. */
function logFailure(error: GatewayError, { id }: Call): void {
  const { code, status, phase, origin, message } = error;
  const facts = { request_id: id, code, status, phase, origin, attempts: error.attempts };
  if (code === "llm.internal") log.error({ ...facts, err: error.cause }, message);
  else log.warn(facts, message);
}

/** Stops being ready at once, lets calls finish up to a limit, and ends. A second signal ends at once. */
function stop(signal: NodeJS.Signals): void {
  draining = true;
  process.once("SIGTERM", () => process.exit(1)).once("SIGINT", () => process.exit(1));
  // Connections are kept open between calls; one that has become idle is closed.
  const sweep = setInterval(() => server.closeIdleConnections(), 100);
  const limit = setTimeout(() => server.closeAllConnections(), DRAIN_MS);
  server.close(async () => {
    clearInterval(sweep);
    clearTimeout(limit);
    await simulator?.close();
    process.exit(0);
  });
  console.log(`${signal}: no new connections; calls in flight may take ${DRAIN_MS / 1000} s to finish.`);
}

function greeting(url: string): string {
  const names = config.keys.map(({ name, key }) => (key.length < 16 ? `${name} (WARNING: short)` : name)).join(", ");
  const header = config.keys.length > 0 ? " -H 'authorization: Bearer YOUR_KEY'" : "";
  const body = JSON.stringify({
    model: simulator ? "sim" : "gpt-4o-mini",
    messages: [{ role: "user", content: "Hello" }],
  });
  const from = simulator
    ? `simulator at ${simulator.url}: no provider is configured; set OPENAI_API_KEY or OPENAI_BASE_URL`
    : `openai at ${config.openai?.baseUrl ?? "https://api.openai.com/v1"}`;
  return `Gatewright is answering at ${url}

  pipeline   ${[...Object.keys(mounted), simulator ? "simulator" : "openai"].join(" → ")}
  provider   ${from}
  keys       ${names || "WARNING: none are asked, whoever reaches this port may call; set GATEWAY_KEYS=name=key"}
  errors     ${config.errors}${config.unheard.length > 0 ? `\n  unheard    ${config.unheard.join(", ")}: set, but this version has no part for it` : ""}

Try it:

  curl ${url}/chat/completions${header} -H 'content-type: application/json' -d '${body}'
`;
}

function configOrExit(): Config {
  try {
    return readConfig(process.env);
  } catch (error) {
    if (error instanceof ConfigError) exit(error.message);
    throw error;
  }
}

function exit(why: string): never {
  console.error(`The gateway cannot start.\n${why}`);
  process.exit(1);
}
