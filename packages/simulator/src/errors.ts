import { RequestError } from "./request-error.ts";

interface Kind {
  readonly type: string;
  readonly code: string | null;
  readonly message: string;
  readonly param?: string;
}

const BY_STATUS: Readonly<Record<number, Kind>> = {
  400: { type: "invalid_request_error", code: null, message: "Invalid value: the simulator was told to refuse it." },
  401: {
    type: "invalid_request_error",
    code: "invalid_api_key",
    message:
      "Incorrect API key provided: KEY. You can find your API key at https://platform.openai.com/account/api-keys.",
  },
  403: {
    type: "request_forbidden",
    code: "unsupported_country_region_territory",
    message: "Country, region, or territory not supported",
  },
  404: {
    type: "invalid_request_error",
    code: "model_not_found",
    message: "The model `MODEL` does not exist or you do not have access to it.",
  },
  408: { type: "invalid_request_error", code: "request_timeout", message: "Request timed out." },
  409: {
    type: "invalid_request_error",
    code: "conflict",
    message: "The resource is being changed by another request.",
  },
  413: { type: "invalid_request_error", code: "request_too_large", message: "Request body too large." },
  422: { type: "invalid_request_error", code: "unprocessable_entity", message: "The request cannot be processed." },
  429: {
    type: "requests",
    code: "rate_limit_exceeded",
    message:
      "Rate limit reached for MODEL in organization org-simulator on requests per min (RPM): Limit 3, Used 3, " +
      "Requested 1. Please try again in 20s.",
  },
  500: {
    type: "server_error",
    code: null,
    message: "The server had an error while processing your request. Sorry about that!",
  },
  502: { type: "server_error", code: null, message: "Bad gateway." },
  503: {
    type: "service_unavailable_error",
    code: null,
    message: "The engine is currently overloaded, please try again later.",
  },
  504: { type: "server_error", code: null, message: "Gateway timeout." },
  529: { type: "overloaded_error", code: "overloaded", message: "Overloaded" },
};

const BY_CODE: Readonly<Record<string, Kind>> = {
  insufficient_quota: {
    type: "insufficient_quota",
    code: "insufficient_quota",
    message: "You exceeded your current quota, please check your plan and billing details.",
  },
  context_length_exceeded: {
    type: "invalid_request_error",
    code: "context_length_exceeded",
    param: "messages",
    message:
      "This model's maximum context length is 8192 tokens. However, your messages resulted in 9000 tokens. Please " +
      "reduce the length of the messages.",
  },
  content_policy_violation: {
    type: "invalid_request_error",
    code: "content_policy_violation",
    message: "Your request was rejected as a result of our safety system.",
  },
  content_filter: {
    type: "invalid_request_error",
    code: "content_filter",
    param: "prompt",
    message: "The response was filtered due to the prompt triggering the content management policy.",
  },
};

/** The error object that OpenAI sends with a status, in JSON; a code of its own, where known, changes the words. */
export function errorJson(status: number, code: string | undefined, model: string, key?: string): string {
  const known = code !== undefined && Object.hasOwn(BY_CODE, code) ? BY_CODE[code] : BY_STATUS[status];
  const kind = known ?? {
    type: status < 500 ? "invalid_request_error" : "server_error",
    code: null,
    message: `Status ${status}.`,
  };
  const message = kind.message.replace("MODEL", () => model).replace("KEY", () => masked(key));
  return envelope(message, kind.type, kind.param ?? null, code ?? kind.code);
}

/** The error object for a call that the simulator itself refuses, or that failed inside of it. */
export function refusalJson(error: unknown): string {
  if (error instanceof RequestError) return envelope(error.message, "invalid_request_error", error.param, error.code);
  return envelope(`The simulator failed: ${error}`, "server_error", null, null);
}

/** The part of a key that OpenAI's 401 repeats to whoever reads it. */
export function masked(key: string | undefined): string {
  if (!key) return "''";
  return key.length < 8 ? "***" : `${key.slice(0, 5)}***${key.slice(-2)}`;
}

function envelope(message: string, type: string, param: string | null, code: string | null): string {
  return JSON.stringify({ error: { message, type, param, code } });
}
