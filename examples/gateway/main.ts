import { once } from "node:events";
import { createServer } from "node:http";
import type { AddressInfo } from "node:net";
import { setTimeout as sleep } from "node:timers/promises";
import {
  type Auth,
  auth,
  callerId,
  circuitBreaker,
  compose,
  concurrency,
  endOn,
  fallback,
  gateway,
  hold,
  idempotency,
  injectTranscript,
  keyFile,
  log as logCalls,
  type Middleware,
  retry,
  shed,
  timeout,
  toNode,
} from "@gatewright/core";
import { toExpress } from "@gatewright/express";
import { postProcess, schemaAsInstruction, validateOutput } from "@gatewright/post-process";
import { assemblyAi, openai } from "@gatewright/providers";
import { redisStore } from "@gatewright/redis";
import { startSimulator } from "@gatewright/simulator";
import { telemetry } from "@gatewright/telemetry";
import express from "express";
import { type Config, ConfigError, readConfig } from "./config.ts";
import { greeting } from "./greeting.ts";
import { limitLayers } from "./limits.ts";
import { startLogs } from "./logging.ts";
import { startOpenTelemetry } from "./opentelemetry.ts";
import { connect } from "./redis.ts";
import { repairJson } from "./repair.ts";
import { type Readiness, statusRoutes } from "./status.ts";

const config = configOrExit();
const { log, calls: sink, lost, close: closeLogs } = startLogs(config.logLevel);
const openTelemetry = startOpenTelemetry(config, log);
const { environment, region, prices } = config;
const calls = logCalls({
  sink,
  prices,
  ...(environment && { environment }),
  ...(region && { region }),
  // What was said is masked by the log; a redactor of your own, for names and the like, goes here.
  ...(config.logContent && { content: (text: string) => text }),
});
const traced = telemetry();
traced.observeDropped(() => calls.dropped() + lost());

// Without a provider, the simulator answers: a real server on a port of its own, which needs no key.
const simulator = config.openai ? undefined : await startSimulator();
const provider = simulator ? openai({ name: "simulator", baseUrl: simulator.url }) : openai({ ...config.openai });

const keys = authOrExit();
const load = shed();

// With Redis, many gateways have one count; without, each its own.
const redis = config.redis && connect(config.redis.url, log);
const store =
  config.redis && redis ? redisStore({ ...config.redis, client: redis.client, onStateChange: redis.tell }) : undefined;
/** Aborts when calls in flight have had their time after the gateway was told to stop. */
const overtime = new AbortController();
const { firstTokenTimeoutMs: firstTokenMs, idleTimeoutMs: idleMs, retries } = config;
/** Of one call, with those of other targets. */
const maxAttempts = Math.max(3, retries + 1);

const { own, perModel } = limitLayers(config, store, (decision, { call, model }) => {
  const who = { request_id: call.id, caller: callerId(call), model };
  if (decision.dryRun) log.warn({ ...who, ...decision }, "limit");
});

const breaker = circuitBreaker({
  onChange: (circuit) => {
    log.warn(circuit, "circuit");
    traced.onCircuit(circuit);
  },
});

// The pipeline: the first listed is outermost. `mounted` is what start-up prints.
const mounted: Record<string, Middleware> = {
  log: calls,
  "trace(call)": traced.call,
  endOn: endOn(overtime.signal),
  ...(keys && { auth: keys }),
  "timeout(call)": timeout({ totalMs: config.timeoutMs }),
  idempotency: idempotency({ ...(store && { store }) }),
  ...(own && { "rateLimit(own)": own }),
  // A key may have a number of its own.
  ...((config.concurrency || config.keysFile) && {
    concurrency: concurrency({ max: config.concurrency ?? 100_000, ...(store && { store }) }),
  }),
  ...(config.outputCheck !== "off" && {
    validateOutput: validateOutput({ remedy: config.outputCheck === "fail" ? "none" : config.outputCheck }),
  }),
  ...(config.repairJson && { repairJson }),
  postProcess: postProcess(),
  ...(config.assemblyAi && {
    injectTranscript: injectTranscript({
      source: assemblyAi(config.assemblyAi),
      onMismatch: (mismatch) => log.error(mismatch, "transcript"),
    }),
  }),
  fallback: fallback({ maxAttempts }),
  ...(config.instructed.length > 0 && { schemaAsInstruction: schemaAsInstruction({ models: config.instructed }) }),
  // Counts each model apart, so that one at its limit can be answered by another.
  ...(perModel && { "rateLimit(model)": perModel }),
  circuitBreaker: breaker,
  retry: retry({ retries }),
  ...(config.streamCommit === "complete" && { hold: hold() }),
  // An answer that is not streamed may take half of the time: the other half is for another try.
  "timeout(attempt)": timeout({ firstTokenMs, idleMs, completionMs: Math.ceil(config.timeoutMs / 2) }),
  "trace(attempt)": traced.attempt,
};
const pipeline = compose(Object.values(mounted), provider);

const api = gateway(pipeline, {
  errors: config.errors,
  maxBodyBytes: config.maxBodyBytes,
  trustedProxies: config.trustedProxies,
  // Whoever may not call is told so before a body is read.
  admit: async (call) => {
    load();
    await keys?.check(call);
  },
  // A little later than a silent stream is given up, so that this can still have a status; proxies wait for a minute.
  keepAliveMs: Math.min(firstTokenMs + 1000, 55_000),
  models: async (call) => {
    await keys?.check(call);
    const models = await provider.models(call);
    return models.filter((model) => keys?.allows(call, typeof model === "string" ? model : model.id) ?? true);
  },
  // What the pipeline never saw: a body that cannot be read, a path that is not there.
  onError: (error, call) => {
    traced.onRefused(error, call);
    calls.onError(error, call);
  },
});

let stopping = false;
const readiness = async (): Promise<Readiness> => {
  // Without Redis the gateway still answers, by its own share of the limits, unless it is to refuse.
  const isUp = await store?.ready();
  const refuses = isUp === false && config.redis?.whenDown === "refuse";
  const open = breaker.circuits().filter(({ state }) => state !== "closed");
  return {
    status: stopping ? "draining" : refuses ? "not ready" : "ready",
    ...(store && { redis: isUp ? "up" : "down" }),
    ...(open.length > 0 && { circuits: Object.fromEntries(open.map(({ target, state }) => [target, state])) }),
  };
};
const status = { readiness, scrape: openTelemetry.scrape };
const app = express().disable("x-powered-by");
app.use(statusRoutes(status, false));
app.use("/v1", toExpress(api));
// Everything else: a 404 in the style of the gateway's other errors.
app.use(toNode(api));

const server = createServer(
  { headersTimeout: 15_000, connectionsCheckingInterval: 1000, keepAliveTimeout: 65_000 },
  app,
);
// A caller that has closed its side and waits is answered; that it has not left is found out. Not among Node's types.
Object.assign(server, { httpAllowHalfOpen: true });
server.once("error", (error: NodeJS.ErrnoException) => {
  exit(error.code === "EADDRINUSE" ? `PORT: ${config.port} is in use; set another` : `HOST, PORT: ${error.message}`);
});
// So that the first call is counted with the others. Without Redis, the gateway starts all the same.
await Promise.race([redis?.connected, sleep(1000)]);
await store?.ready();
if (config.admin) {
  const { host, port } = config.admin;
  const admin = createServer(express().disable("x-powered-by").use(statusRoutes(status, true)));
  const failed = (error: NodeJS.ErrnoException): never =>
    exit(
      error.code === "EADDRINUSE"
        ? `GATEWAY_ADMIN_PORT: ${port} is in use; set another`
        : `GATEWAY_ADMIN_HOST: ${error.message}`,
    );
  await once(admin.listen(port, host).unref(), "listening").catch(failed);
}
server.listen(config.port, config.host, () => {
  // A server that listens on a TCP port has an address of this kind.
  const { port } = server.address() as AddressInfo;
  const host = config.host.includes(":") ? `[${config.host}]` : config.host;
  const layers = [...Object.keys(mounted), simulator ? "simulator" : "openai"];
  console.log(greeting(config, `http://${host}:${port}/v1`, layers, simulator?.url, store?.status().up));
});
process.once("SIGTERM", stop).once("SIGINT", stop);

/** Stops being ready at once, lets calls finish up to a limit, fails the rest, and ends. A second signal ends at once. */
function stop(signal: NodeJS.Signals): void {
  stopping = true;
  process.once("SIGTERM", () => process.exit(1)).once("SIGINT", () => process.exit(1));
  // Connections are kept open between calls; one that has become idle is closed.
  const sweep = setInterval(() => server.closeIdleConnections(), 100);
  const limit = setTimeout(() => {
    overtime.abort();
    // Whoever does not even read that is not waited for.
    setTimeout(() => server.closeAllConnections(), 500).unref();
  }, config.shutdownMs);
  server.close(async () => {
    clearInterval(sweep);
    clearTimeout(limit);
    await simulator?.close();
    redis?.client.destroy();
    await openTelemetry.shutdown();
    await closeLogs();
    process.exit(0);
  });
  console.log(`${signal}: no new connections; calls in flight may take ${config.shutdownMs / 1000} s to finish.`);
}

function authOrExit(): Auth | undefined {
  if (config.keys.length > 0) return auth({ keys: config.keys });
  if (config.keysFile === undefined) return undefined;
  try {
    const onError = (error: Error): void => log.error(`${error.message} The keys that were read before stay.`);
    return auth({ keys: keyFile(config.keysFile, { onError }) });
  } catch (error) {
    return exit(`GATEWAY_KEYS_FILE: ${error instanceof Error ? error.message : String(error)}`);
  }
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
