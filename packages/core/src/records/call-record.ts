import { attempts as attemptsMade, triesAgain } from "../attempts.ts";
import type { Call } from "../call.ts";
import type { ChatReply, ChatRequest } from "../chat.ts";
import type { Attempt, GatewayError } from "../error.ts";
import type { LimitDecision } from "../limits/decision.ts";
import { begunInSilence, cacheLookups, limitDecisions } from "../notes.ts";
import { hideEchoes } from "../secrecy/echoes.ts";
import { answeringModel, attemptRecords, roundMs } from "./attempt-records.ts";
import { callerOf } from "./caller-of.ts";
import type { ContentRule } from "./content-rule.ts";
import { endingOf } from "./ending.ts";
import { errorRecord } from "./error-record.ts";
import { isoTime } from "./iso-time.ts";
import { oneLine, oneLineName } from "./one-line.ts";
import { costOfAll, paidTries } from "./paid-tries.ts";
import type { CostOf } from "./prices.ts";
import type { CallRecord, LimitRecord, Writable } from "./record.ts";
import { schemaOf } from "./schema-of.ts";
import type { Seen } from "./seen.ts";
import { sumOfTokens } from "./token-record.ts";

/** What is the same for all records of a log. */
export interface Settings {
  /** Fields that every record has. */
  readonly fields: Pick<CallRecord, "environment" | "region">;
  readonly costOf: CostOf;
  /** How prompts and answers are shown; `undefined` where they are not. */
  readonly content: ContentRule | undefined;
}

/** What is known of a call that has ended, besides what its layers have noted. */
export interface Ended {
  /** In milliseconds since 1970. */
  readonly startedAt: number;
  readonly totalMs: number;
  /** When there was an answer to pass on; `undefined` where there never was. */
  readonly firstTokenMs: number | undefined;
  /** Of the reply, if there was one. */
  readonly headers: ChatReply["headers"];
  readonly seen: Seen;
  /** Why it did not complete; `undefined` where it did. */
  readonly error: GatewayError | undefined;
}

/** The record of a call that the pipeline has seen. */
export function callRecord({ fields, costOf, content }: Settings, request: ChatRequest, ended: Ended): CallRecord {
  const { call, model } = request;
  const { context } = call;
  const { headers, seen, error, firstTokenMs } = ended;
  const { environment, region } = fields;
  const attempts = triedFor(call, error);
  const answered = headers["x-gateway-model"] ?? seen.model;
  const provider = headers["x-gateway-provider"] ?? attempts.at(-1)?.provider;
  const paid = paidTries(attempts, [answered, answeringModel(attempts) ?? model], seen.usage);
  const tokens = sumOfTokens(paid.map((one) => one.tokens));
  // What `idempotency` gives again was paid for once.
  const isAgain = headers["idempotent-replayed"] === "true";
  const cost = isAgain ? undefined : costOfAll(paid, costOf);
  const stream = request.stream === true;
  const { status, outcome, partial } = endingOf(error, {
    stream,
    chunks: seen.chunks,
    begun: context.get(begunInSilence),
  });

  const { retries, fallbacks } = triesIn(attempts);

  const draft: Writable<CallRecord> = {
    time: isoTime(ended.startedAt),
    request_id: shownId(call.id),
    caller: callerOf(call),
    operation: "chat",
    model: oneLineName(model),
    stream,
    status,
    outcome,
    partial,
    attempts: attemptRecords(attempts, ended.startedAt),
    retries,
    fallbacks,
    total_ms: roundMs(ended.totalMs),
  };
  if (environment !== undefined) draft.environment = environment;
  if (region !== undefined) draft.region = region;
  if (answered !== undefined) draft.answered_by = oneLineName(answered);
  if (provider !== undefined) draft.provider = oneLineName(provider);
  if (error) {
    const said = errorRecord(error, {
      echoes: (text) => hideEchoes(text, request),
      content: (text) => content?.show(text),
    });
    // A caller may leave at any time, and its error does not know when.
    draft.error = seen.chunks > 0 && said.phase === "before" ? { ...said, phase: "during" } : said;
  }
  if (tokens) draft.tokens = tokens;
  if (cost !== undefined) draft.cost = cost;
  if (stream && firstTokenMs !== undefined) draft.first_token_ms = roundMs(firstTokenMs);
  note(draft, request, seen);
  const said = content?.of(request.messages, seen.answer);
  if (said) draft.content = said;
  return draft;
}

/** Puts down what there is only of some calls. */
function note(draft: Writable<CallRecord>, request: ChatRequest, { reasons, tools, verdicts }: Seen): void {
  const { context } = request.call;
  const schema = request.response_format ? schemaOf(request) : undefined;
  const limits = context.get(limitDecisions);
  const cache = context.get(cacheLookups);
  if (reasons) draft.finish_reasons = reasons;
  if (tools) draft.tools = tools;
  if (schema) draft.schema = schema;
  if (limits.length > 0) draft.limits = limits.slice(0, MAX_NOTES).flatMap(limitRecords).slice(0, MAX_NOTES);
  if (cache.length > 0) draft.cache = cache.slice(0, MAX_NOTES).map(({ layer, hit }) => ({ layer, hit }));
  if (verdicts) draft.post_processing = verdicts;
}

/** The record of a call that never came so far, such as one whose body cannot be read. When it began is not known. */
export function strayRecord({ fields, content }: Settings, call: Call, error: GatewayError): CallRecord {
  const attempts = triedFor(call, error);
  const { retries, fallbacks } = triesIn(attempts);
  return {
    time: isoTime(Date.now()),
    request_id: shownId(call.id),
    ...fields,
    caller: callerOf(call),
    operation: "other",
    stream: false,
    ...endingOf(error, { stream: false, chunks: 0, begun: false }),
    error: errorRecord(error, { echoes: (text) => text, content: (text) => content?.show(text) }),
    attempts: attemptRecords(attempts),
    retries,
    fallbacks,
  };
}

function triesIn(attempts: readonly Attempt[]): Pick<CallRecord, "retries" | "fallbacks"> {
  const { retries, fallbacks } = triesAgain(attempts);
  return { retries: retries.length, fallbacks: fallbacks.length };
}

/** A request's id: most are UUIDs, and no credential looks like one. */
function shownId(id: string): string {
  return UUID.test(id) ? id : oneLine(id, MAX_ID);
}

/** As long as an id may be. */
const MAX_ID = 128;
const UUID = /^[\da-f]{8}-[\da-f]{4}-[\da-f]{4}-[\da-f]{4}-[\da-f]{12}$/;
/** How many notes of one kind are told. */
const MAX_NOTES = 32;

function triedFor({ context }: Call, error: GatewayError | undefined): readonly Attempt[] {
  const made = context.get(attemptsMade);
  return made.length > 0 ? made : (error?.attempts ?? made);
}

function limitRecords({ layer, allowed, dryRun, limits }: LimitDecision): LimitRecord[] {
  return limits.slice(0, MAX_NOTES).map(({ name, remaining, capacity }) => ({
    layer: oneLineName(layer),
    name: oneLineName(name),
    allowed,
    ...(dryRun && { dry_run: true }),
    remaining,
    capacity,
  }));
}
