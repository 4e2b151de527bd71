import type { Directives } from "./directives.ts";
import { errorJson } from "./errors.ts";
import { json, open } from "./respond.ts";
import type { Head, Step } from "./step.ts";

const METADATA_SERVICE = "http://169.254.169.254/latest/meta-data/";

/** The steps of an answer that is no completion at all, or nothing where no directive asks for one. */
export function bodyFault(
  directives: Directives,
  headers: Head["headers"],
  model: string,
  key: string | undefined,
): Iterable<Step> | undefined {
  const { status, code, redirect } = directives;
  if (directives.html) return html(status ?? 502, headers);
  if (directives.empty) return json(status ?? 200, headers, "");
  if (directives["invalid-json"]) return json(status ?? 200, headers, '{"id":"chatcmpl-1","choices":[{"mess');
  if (directives["not-a-completion"]) return json(status ?? 200, headers, '{"status":"ok","data":[]}');
  if (directives["error-in-200"]) {
    return json(status ?? 200, headers, errorJson(directives["error-status"] ?? 500, code, model));
  }
  if (redirect !== undefined || (status !== undefined && status >= 300 && status < 400)) {
    const location = redirect === undefined || redirect === true ? METADATA_SERVICE : redirect;
    return json(status ?? 302, { ...headers, location }, "");
  }
  if (status !== undefined && status >= 400) return json(status, headers, errorJson(status, code, model, key));
  return undefined;
}

function* html(status: number, headers: Head["headers"]): Generator<Step> {
  yield open(status, headers, "text/html");
  yield `<html>\r\n<head><title>${status}</title></head>\r\n<body><center><h1>${status}</h1></center></body>\r\n</html>\r\n`;
}
