import type { Config } from "./config.ts";

/** What start-up prints: what is mounted, in order, what is configured, and a command that works. */
export function greeting(
  config: Config,
  url: string,
  layers: readonly string[],
  simulatorUrl: string | undefined,
  redisIsUp: boolean | undefined,
): string {
  const named = config.keys.map(({ name, key }) => (key.length < 16 ? `${name} (WARNING: short)` : name)).join(", ");
  const names = config.keysFile ? `those in ${config.keysFile}` : named;
  const header = names !== "" ? " -H 'authorization: Bearer YOUR_KEY'" : "";
  const body = JSON.stringify({
    model: simulatorUrl ? "sim" : "gpt-4o-mini",
    messages: [{ role: "user", content: "Hello" }],
  });
  const from = simulatorUrl
    ? `simulator at ${simulatorUrl}: no provider is configured; set OPENAI_API_KEY or OPENAI_BASE_URL`
    : `openai at ${config.openai?.baseUrl ?? "https://api.openai.com/v1"}`;
  return `Gatewright is answering at ${url}

  pipeline   ${layers.join(" → ")}
  provider   ${from}
  keys       ${names || "WARNING: none are asked, whoever reaches this port may call; set GATEWAY_KEYS=name=key"}
  limits     ${limitNames(config) || (config.keysFile ? "those of the keys" : "none; set GATEWAY_RATE_LIMIT=30/60s")}
  counted    ${config.redis ? onRedis(config.redis, redisIsUp) : "in this process"}
  errors     ${config.errors}
  output     ${outputOf(config)}
  log        a record a call, here${config.logContent ? "; WARNING: with prompts and answers" : ""}; read by: npx pnpm@12 explain
  status     ${statusOf(config, url)}
  telemetry  ${telemetryOf(config)}${config.unheard.length > 0 ? `\n  unheard    ${config.unheard.join(", ")}: set, but this version has no part for it` : ""}

Try it:

  curl ${url}/chat/completions${header} -H 'content-type: application/json' -d '${body}'
`;
}

function onRedis({ gateways, whenDown }: NonNullable<Config["redis"]>, isUp = false): string {
  const share = gateways === 1 ? "the whole of each limit" : `a share of 1/${gateways}`;
  const without = whenDown === "local" ? `${share} for this gateway` : whenDown;
  return `on Redis (${isUp ? "it answers" : "WARNING: not reachable now"}), with all gateways that share it; without it: ${without}`;
}

function outputOf({ outputCheck, repairJson }: Config): string {
  const checked = {
    fail: "checked, and refused where it does not match",
    "ask-again": "checked, and asked for again",
    off: "not checked",
  };
  return `${repairJson ? "JSON is repaired" : "repaired for callers that ask for it"}; against schemas ${checked[outputCheck]}`;
}

function statusOf({ admin }: Config, url: string): string {
  const own = `${url.replace("/v1", "")}/healthz, /readyz, and to this machine /metrics`;
  return admin ? `${own}; all of them at http://${admin.host}:${admin.port}` : own;
}

function telemetryOf({ otlp, traceShare }: Config): string {
  const sent = [otlp.traces && `traces of ${traceShare * 100} % of calls`, otlp.metrics && "metrics"].filter(Boolean);
  return sent.length > 0
    ? `${sent.join(" and ")} to a collector`
    : "no collector; set OTEL_EXPORTER_OTLP_ENDPOINT=http://127.0.0.1:4318";
}

function limitNames(config: Config): string {
  const named = config.limits.map(({ requests, tokens, windowMs = 0 }) => {
    const counted = requests === undefined ? `${tokens} tokens` : `${requests} requests`;
    return `${counted} in ${windowMs / 1000} s`;
  });
  return named.length > 0 ? `${named.join(", ")} per caller and model, ${config.limitMode}` : "";
}
