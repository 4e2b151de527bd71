import { promisify } from "node:util";
import { brotliDecompress, gunzip, inflate, zstdDecompress } from "node:zlib";
import { type Clock, systemClock } from "./clock.ts";
import { GatewayError } from "./error.ts";
import { BodyTooLargeError, type HttpRequest } from "./http.ts";
import { checkTree, JsonError, parseJson } from "./json.ts";

export interface BodyLimits {
  readonly maxBytes: number;
  readonly timeoutMs: number;
  readonly clock?: Clock;
}

/** How many JSON values a body may hold. */
const MAX_VALUES = 50_000;

/** The JSON of a request body, read within the limits. Throws a `GatewayError` of status 400, 408, 413 or 415. */
export async function readJsonBody(request: HttpRequest, limits: BodyLimits): Promise<unknown> {
  const { maxBytes } = limits;
  requireJson(request.headers["content-type"]);
  if (Number(request.headers["content-length"] ?? 0) > maxBytes) throw tooLarge(maxBytes);
  try {
    const value =
      "parsed" in request.body ? request.body.parsed : parseJson(await readText(request, limits), MAX_VALUES);
    checkTree(value, MAX_VALUES);
    return value;
  } catch (error) {
    if (error instanceof JsonError) throw invalid(error.message);
    throw error;
  }
}

const decoders = {
  gzip: promisify(gunzip),
  deflate: promisify(inflate),
  br: promisify(brotliDecompress),
  zstd: promisify(zstdDecompress),
};

async function readText(request: HttpRequest, limits: BodyLimits): Promise<string> {
  const encoding = request.headers["content-encoding"]?.trim().toLowerCase() ?? "identity";
  if (encoding !== "identity" && !Object.hasOwn(decoders, encoding)) {
    throw new GatewayError("llm.request.unsupported_media_type", `Content-Encoding must be one of ${ENCODINGS}.`);
  }
  const sent = await readBytes(request, limits);
  // It is a key of `decoders`: checked above.
  const bytes = encoding === "identity" ? sent : await decode(sent, encoding as keyof typeof decoders, limits.maxBytes);
  if (bytes.length === 0) throw invalid("is empty");
  try {
    return utf8.decode(bytes);
  } catch {
    throw invalid("is not valid UTF-8");
  }
}

const ENCODINGS = Object.keys(decoders).join(", ");
const utf8 = new TextDecoder("utf-8", { fatal: true });

async function decode(bytes: Uint8Array, encoding: keyof typeof decoders, maxBytes: number): Promise<Uint8Array> {
  try {
    return await decoders[encoding](bytes, { maxOutputLength: maxBytes });
  } catch (error) {
    if (error instanceof RangeError) throw tooLarge(maxBytes);
    throw invalid(`is not valid ${encoding}`);
  }
}

async function readBytes({ body, signal }: HttpRequest, limits: BodyLimits): Promise<Uint8Array> {
  const { maxBytes, timeoutMs, clock = systemClock } = limits;
  // A parsed body never comes here.
  if (!("read" in body)) return new Uint8Array();
  const stop = new AbortController();
  const abort = (): void => stop.abort(signal.reason);
  if (signal.aborted) abort();
  signal.addEventListener("abort", abort, { once: true });
  const cancel = clock.after(timeoutMs, () => {
    stop.abort(new GatewayError("llm.request.timeout", `The body did not arrive within ${timeoutMs} ms.`));
  });
  try {
    return await body.read(maxBytes, stop.signal);
  } catch (error) {
    throw error instanceof BodyTooLargeError ? tooLarge(maxBytes) : error;
  } finally {
    cancel();
    signal.removeEventListener("abort", abort);
  }
}

/** Takes `application/json`; its `charset` must be UTF-8 (RFC 8259, section 8.1), other parameters mean nothing. */
function requireJson(contentType = ""): void {
  const [type = "", ...parameters] = contentType.toLowerCase().split(";");
  const json = type.trim() === "application/json" && parameters.every(harmless);
  if (json) return;
  throw new GatewayError("llm.request.unsupported_media_type", "Content-Type must be application/json, in UTF-8.");
}

function harmless(parameter: string): boolean {
  const [name = "", value = ""] = parameter.split("=").map((side) => side.trim());
  return name === "charset" ? ["utf-8", "utf8", '"utf-8"'].includes(value) : name !== "" && value !== "";
}

function invalid(what: string): GatewayError {
  const message = `The body ${what}.`;
  return new GatewayError("llm.request.invalid", message, { issues: [{ path: "", message }] });
}

function tooLarge(maxBytes: number): GatewayError {
  return new GatewayError("llm.request.too_large", `The body is larger than ${maxBytes} bytes.`);
}
