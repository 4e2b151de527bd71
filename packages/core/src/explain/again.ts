import { factsOf } from "./class.ts";
import type { Entry } from "./entry.ts";
import type { Party } from "./runbook.ts";

/** Whether a call may be sent again. `later`: not at once, but as it is. */
export interface Again {
  readonly answer: "yes" | "later" | "no" | "no need";
  readonly why: string;
}

const DONE = "The answer is complete. Sent again it is a new call, unless the Idempotency-Key is the same.";
const LEFT = "The caller left; that says nothing against the call.";
const WAIT = "Wait as long as Retry-After said.";
const UNSEEN = "The caller saw nothing of an answer.";
const ONCE =
  "A chat completion changes nothing but the bill; with an Idempotency-Key it is executed once, however often it is sent.";
const BILLED = "The provider may have worked on it unseen, and bill that.";
const PART =
  "The caller saw a part of an answer: throw that away and begin from the start. The new answer will be another one, and its tokens are paid again.";
const TOOLS = "Tools were called in it: see first whether one was carried out.";
const IN_VAIN =
  "Not at once: the gateway's own tries were in vain. Nothing is wrong with the call, so send it when the cause is gone.";
const OUTPUT =
  "The answer was made and paid. Another try is another answer, perhaps no better: change the schema, the prompt or the model.";
const SAME = "It would fail in the same way: first change what is sent, or what the caller may do.";
const CAUSE = "It would fail in the same way until the cause is gone.";

/** Whether it is safe, and of use, to send a call again. */
export function againOf(entry: Entry, party: Party): Again {
  const { kind, code, status, partial } = entry;
  if (kind === "completed") return { answer: "no need", why: DONE };
  if (kind === "canceled") return because("yes", LEFT, ...(partial ? partOf(entry) : [ONCE]));
  const curable = factsOf(code)?.retryable ?? false;
  if (entry.retryable ?? curable) {
    const wait = status === 429 || status === 503 ? [WAIT] : [];
    return because("yes", ...wait, ...(partial ? partOf(entry) : [UNSEEN, ...billed(entry), ONCE]));
  }
  if (curable) return because("later", IN_VAIN, ...(partial ? partOf(entry) : billed(entry)));
  if (kind === "output") return because("no", OUTPUT);
  return because("no", party === "caller" ? SAME : CAUSE);
}

function because(answer: Again["answer"], ...reasons: readonly string[]): Again {
  return { answer, why: reasons.join(" ") };
}

function billed({ kind, code }: Entry): string[] {
  return kind === "network" || code?.startsWith("llm.timeout.") ? [BILLED] : [];
}

function partOf({ fields }: Entry): string[] {
  return Array.isArray(fields.tools) && fields.tools.length > 0 ? [PART, TOOLS] : [PART];
}
