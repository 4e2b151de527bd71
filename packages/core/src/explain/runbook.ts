import type { Class } from "./class.ts";

/** Where the cause of a failure lies. `gateway` is also its operator: its keys, accounts and settings. */
export type Party = "caller" | "gateway" | "provider" | "network" | "nobody" | "unknown";

/** What became of a call, and what to do about it. */
export interface Advice {
  readonly means: string;
  /** What to do, the most likely cure first. */
  readonly steps: readonly string[];
}

/** What is to be known of a class of calls by whoever has to act. */
export interface Chapter extends Advice {
  /** Whose fault it is, where the code says nothing else. */
  readonly party: Party;
}

/** The runbook: what each class means, and what to do about it. */
export const runbook: Readonly<Record<Class, Chapter>> = {
  identity: {
    means: "The gateway does not know the caller, or does not let it use what it asked for. No provider was asked.",
    party: "caller",
    steps: [
      "One caller: compare what it sends with the record of its key (gatewright-keys list): disabled, expired, or not for this model or region.",
      "Many callers at once: look at what changed in the keys, and whether their look-up, or the issuer of tokens, answers.",
    ],
  },
  quota: {
    means: "A budget that the gateway keeps for the caller is used up. No provider was asked.",
    party: "caller",
    steps: [
      "See what used it up: summarise the time of the budget --by caller and --by model.",
      "Raise the budget, or tell the caller when it begins anew. Until then every call fails like this one.",
    ],
  },
  rate_limit: {
    means: "The caller sends more than its limits allow, or they are too tight. This call was not executed.",
    party: "caller",
    steps: [
      "See which limit refused, and whom: --by caller. One caller in a loop is another matter than everybody on a busy day.",
      "A caller that does not wait for Retry-After keeps itself out: have it wait, and send less at once.",
      "Where the use is as it should be, raise the limits, or those of this caller's key.",
    ],
  },
  request: {
    means: "What was sent cannot be executed as it is.",
    party: "caller",
    steps: [
      "Pass the message and the failing fields on to the caller: they say what to change.",
      "Many callers since one moment: a client was released, or the gateway's models or rules were changed. Undo that.",
    ],
  },
  network: {
    means: "The gateway did not reach the provider.",
    party: "network",
    steps: [
      "From the gateway's machine, resolve the provider's name and connect to it: DNS, firewall, proxy, certificate.",
      "One provider: look at its status page. Several: it is your own network.",
      "Until it is cured a fallback to another provider carries the calls.",
    ],
  },
  upstream: {
    means: "The provider failed, refused, or was too slow.",
    party: "provider",
    steps: [
      "Look at the provider's status page, and quote its request ids from the tries in its support form.",
      "Until it is cured a fallback to another model or provider carries the calls: mount one, or put another target first.",
      "One model: it may be overloaded or withdrawn. All of a provider: its key, account or service.",
    ],
  },
  output: {
    means: "The model answered, and the answer is not what was asked for. Its tokens are paid.",
    party: "provider",
    steps: [
      "Where the error says that the answer was cut off, ask for more tokens.",
      "Since a new version of a schema or a prompt: undo it, or make it simpler. One model: ask another.",
      "JSON that can be repaired: have callers send `post_processing_steps`, or configure the step for all. Where a second answer is worth its price, use `ask-again`.",
    ],
  },
  gateway: {
    means: "The gateway itself refused the call, gave it up or failed.",
    party: "gateway",
    steps: [
      "llm.overloaded and llm.timeout.total in many calls: add instances, or see which provider became slow.",
      "llm.internal: a defect. Its cause is in the record and in the log; undo the last release if it began with it.",
    ],
  },
  canceled: {
    means: "The caller went away before the answer was complete. Nothing failed in the gateway.",
    party: "caller",
    steps: [
      "See how long it had waited. Many that leave after the same time, such as half a minute, have a time limit, or a proxy in between has.",
      "If the wait was long, treat it as slowness: look at the first token of its model and provider.",
    ],
  },
  completed: {
    means: "Nothing went wrong.",
    party: "nobody",
    steps: [
      "Was it slow? Compare it with the other calls of its model, and see whether the time went before the first token, into tries or into a long answer.",
    ],
  },
  unknown: {
    means: "The record holds an error that this version does not know. A newer gateway may have written it.",
    party: "unknown",
    steps: ["Read the message, and explain it with the version of the gateway that wrote it."],
  },
};
