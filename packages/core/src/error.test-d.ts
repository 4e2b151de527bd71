import { type Code, codes, GatewayError, type GatewayErrorOptions, toGatewayError } from "./index.ts";

/** How failures are made and told apart, and what the types must not let pass. */
export function mustCompile(thrown: unknown, signal: AbortSignal): void {
  const error = toGatewayError(thrown, signal);
  const _sameSet: Code = error.code;
  const _told: boolean = error.code === "llm.provider.overloaded" && error.retryable;
  const _status: 503 = codes["llm.provider.overloaded"].status;
  const _all = new GatewayError("llm.request.invalid", "why", {
    status: 422,
    phase: "before",
    origin: "gateway",
    retryable: false,
    retryAfterMs: 5,
    issues: [{ path: "model", message: "no" }],
    attempts: [{ provider: "p", model: "m", durationMs: 1, status: 500, code: "llm.provider.server_error" }],
    headers: { allow: "POST" },
    cause: thrown,
  });
  const _moved: GatewayError = error.with({ phase: "during" });
}

export function mustNotCompile(error: GatewayError, options: GatewayErrorOptions): void {
  // @ts-expect-error The table of codes is closed.
  new GatewayError("llm.nope", "why");
  // @ts-expect-error A code is not any string.
  new GatewayError("llm.internal" as string, "why");
  // @ts-expect-error A comparison with a code that does not exist is never true.
  if (error.code === "llm.provider.overlaoded") return;
  // @ts-expect-error An error has a message for the caller.
  new GatewayError("llm.internal");
  // @ts-expect-error There are three phases.
  new GatewayError("llm.internal", "why", { phase: "later" });
  // @ts-expect-error The layer follows from the code.
  new GatewayError("llm.internal", "why", { layer: "request" });
  // @ts-expect-error An attempt's code is of the same table.
  new GatewayError("llm.internal", "why", { attempts: [{ provider: "p", model: "m", durationMs: 1, code: "nope" }] });
  // @ts-expect-error What happened is not changed afterwards.
  error.retryable = true;
  // @ts-expect-error What happened is not changed afterwards, nor is it added to.
  error.issues.push({ path: "", message: "" });
  // @ts-expect-error The headers of an error are not changed afterwards.
  error.headers.allow = "GET";
  // @ts-expect-error The options of an error are not changed.
  options.status = 500;
  // @ts-expect-error The table of codes is not changed.
  codes["llm.internal"].status = 200;
}
