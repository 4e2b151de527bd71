import type { Code } from "../codes.ts";
import type { Class } from "./class.ts";
import type { Advice, Party } from "./runbook.ts";

/** What a code says beyond its class. */
export interface Tip {
  /** Where the cause lies, if not where those of its class lie. */
  readonly party?: Party;
  /** What it means and what to do, if not what its class says: that of another class, or its own. */
  readonly chapter?: Class | Advice;
  readonly text: string;
}

// A code that is not here is as its class is.
const tips: Readonly<Partial<Record<Code, Tip>>> = {
  "llm.auth.missing_key": { text: "No key was sent, or in a header that is not looked at." },
  "llm.auth.invalid_key": {
    text: "The key is wrong, disabled or expired; the message tells only a caller who has proven it.",
  },
  "llm.auth.unavailable": {
    party: "gateway",
    chapter: {
      means: "The gateway could not find out who the caller is. No provider was asked.",
      steps: [
        "See whether what holds the keys, a database or the issuer of tokens, answers the gateway, and how fast.",
        "Look at what changed there: its address, its certificate, the gateway's own access to it.",
        "Until it is cured every call whose key is not remembered fails like this one.",
      ],
    },
    text: "The keys could not be looked up: see whether their database, or the issuer of tokens, answers.",
  },
  "llm.access.model_unavailable": {
    text: "The key is good, but not for this model or region: see models and regions of its record.",
  },
  "llm.rate_limit.concurrency": {
    text: "Too many of its calls were in flight at once, or one instance has too few slots.",
  },
  "llm.request.context_length": {
    text: "The prompt is longer than the model takes: shorten it, or fall back to a model with a longer context.",
  },
  "llm.request.timeout": { text: "The body came too slowly: the caller's network, or a proxy that holds it back." },
  "llm.request.idempotency_conflict": {
    text: "Another body came with the same Idempotency-Key, or (409) the first call with it was still running.",
  },
  "llm.model.not_found": {
    text: "No route takes this model: a spelling, or a model that was taken out of the configuration.",
  },
  "llm.transcript.not_ready": { text: "It was asked for too early: wait until the transcript is complete." },
  "llm.transcript.failed": {
    party: "provider",
    chapter: {
      means: "The transcript that was asked for could not be made.",
      steps: [
        "Look the transcript up where it was made: its error says why it failed.",
        "Have it made again there, and the call sent with the new one.",
      ],
    },
    text: "The transcript itself failed: look it up where it was made.",
  },
  "llm.transcript.unavailable": {
    party: "provider",
    text: "The source of transcripts does not answer: its status page, its key.",
  },
  "llm.provider.auth": {
    party: "gateway",
    chapter: {
      means: "The provider does not accept the gateway's key. The provider itself is well.",
      steps: [
        "Replace the key: make a new one at the provider, give it to the gateway, and revoke the old one.",
        "See what became of the old one: expired, revoked, of another project or region, or without the right to this model.",
        "Until then a fallback to another provider carries the calls; no retry helps.",
      ],
    },
    text: "The provider refuses the gateway's own key: replace it. All calls with this key fail until then.",
  },
  "llm.provider.rejected": {
    party: "caller",
    chapter: "request",
    text: "The provider refuses what the caller sent; its own words are in the message.",
  },
  "llm.provider.rate_limited": {
    party: "gateway",
    chapter: {
      means: "The gateway's account sends the provider more than the account's limits allow.",
      steps: [
        "Compare the account's limits at the provider with what was sent: calls and tokens a minute, --by model and --by caller.",
        "Ask the provider for higher limits, or spread the load over several keys, models or providers.",
        "Give callers limits of the gateway's own that keep all of them below the account's.",
      ],
    },
    text: "The gateway's account with the provider has a limit: ask for a higher one, balance over several keys, or limit callers before it.",
  },
  "llm.provider.quota_exhausted": {
    party: "gateway",
    chapter: {
      means: "The gateway's account with the provider has no quota left.",
      steps: [
        "Look at the billing of the account at the provider: top it up, raise its monthly limit, or mend the means of payment.",
        "See what used it up: the cost and tokens --by model and --by caller; give callers budgets.",
        "Until then a fallback to another provider carries the calls; no retry helps.",
      ],
    },
    text: "The gateway's account with the provider has no quota left: top it up. No try helps before.",
  },
  "llm.provider.circuit_open": {
    party: "provider",
    chapter: "upstream",
    text: "The provider had kept failing, so it was left alone for a moment. Look at the failures just before: --by code.",
  },
  "llm.provider.bad_response": {
    text: "What came back was no answer of its API: a wrong base URL, or a proxy or login page in between.",
  },
  "llm.timeout.connect": {
    text: "Nobody answered the attempt to connect: a firewall, a wrong address, or the provider's door.",
  },
  "llm.timeout.first_token": {
    text: "The provider took the call and stayed silent. If many answers are just late, the time limit is too short for this model.",
  },
  "llm.timeout.idle": { text: "The provider fell silent in the middle of the answer." },
  "llm.timeout.total": {
    text: "The time for the whole call was over: see below whether a slow try or several tries used it up.",
  },
  "llm.stream.interrupted": {
    text: "The stream broke in the middle: at the provider, or at a proxy that cuts long connections.",
  },
  "llm.overloaded": { text: "As many calls as may be were in flight or waiting." },
  "llm.shutting_down": { text: "This instance was being stopped. Sent again, the call reaches another one." },
  "llm.internal": {
    text: "A defect of the gateway or of a layer of yours: its cause, with the stack, is in the record.",
  },
};

/** What is to be known of a code beyond its class. */
export function tipOf(code: string | undefined): Tip | undefined {
  return code !== undefined && hasTip(code) ? tips[code] : undefined;
}

function hasTip(code: string): code is keyof typeof tips {
  return Object.hasOwn(tips, code);
}
