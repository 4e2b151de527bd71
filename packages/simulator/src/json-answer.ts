import { type Completion, completionJson } from "./completion.ts";
import type { Directives } from "./directives.ts";
import { filler, GIBIBYTE } from "./filler.ts";
import { badGzip } from "./gzip.ts";
import { json, open } from "./respond.ts";
import type { Head, Step } from "./step.ts";
import { breaksOf } from "./strikes.ts";

/** A completion as a JSON response. One that is to break off does so in its middle, or before it where N is 0. */
export function* jsonAnswer(completion: Completion, directives: Directives, headers: Head["headers"]): Generator<Step> {
  const status = directives.status ?? 200;
  const text = completionJson(completion);
  const [broken] = breaksOf(directives);
  if (broken) {
    yield open(status, headers);
    if (broken.after > 0) yield text.slice(0, text.length / 2);
    yield* broken.steps;
  } else if (directives.endless) {
    yield open(status, headers);
    yield '{"object":"chat.completion","choices":[{"message":{"role":"assistant","content":"';
    yield* filler(GIBIBYTE);
  } else if (directives.gzip) {
    const { encoding, body } = badGzip(directives.gzip, text);
    yield open(status, { ...headers, "content-encoding": encoding });
    yield* body;
  } else yield* json(status, headers, text);
}
