import { type Branch, branch, letGo, OTHER_WON, replyUnlessAborted } from "../abort.ts";
import type { ChatReply, ChatRequest, Middleware } from "../chat.ts";
import { type Clock, MAX_DELAY_MS, systemClock } from "../clock.ts";
import { deadline } from "../deadline.ts";
import { type GatewayError, toGatewayError } from "../error.ts";
import { numberIn, wholeIn } from "../options.ts";
import { onEnd } from "../reply.ts";
import { RetryBudget, type RetryBudgetOptions } from "../retry-budget.ts";
import { takeTry, triedInVain, triesOf } from "../tries.ts";

/** When a second try begins, and what it asks. */
export interface HedgeOptions {
  /** After how long without an answer a second try is begun, in milliseconds: about your 95th percentile. */
  readonly afterMs: number;
  /** What the second try asks; default the same. Another model, or a field that leads to another region. */
  readonly second?: (request: ChatRequest) => ChatRequest;
  /** The most tries of one call, with those of retries and fallbacks and the first; default 3. The outermost layer decides. */
  readonly maxAttempts?: number;
  /** How much of a model's load second tries may be; default 10 % of its recent calls, and one a second. */
  readonly budget?: RetryBudgetOptions;
  readonly clock?: Clock;
}

/**
 * Begins a second try where the first has not begun to answer after a while. The first visible chunk wins, and the loser
 * is canceled at once. A try that fails while the other is under way is waited out; where both fail, the first failure
 * is thrown. Throws a `TypeError` for a bad option.
 */
export function hedge({
  afterMs,
  second = (request) => request,
  maxAttempts = 3,
  budget: budgetOptions = {},
  clock = systemClock,
}: HedgeOptions): Middleware {
  numberIn("hedge", "afterMs", afterMs, 0, MAX_DELAY_MS);
  wholeIn("hedge", "maxAttempts", maxAttempts, 1, 100);
  const budget = new RetryBudget("hedge", { share: 0.1, perSecond: 1, ...budgetOptions }, clock);

  return (request, next) => {
    const { signal, context } = request.call;
    const most = triesOf(context, maxAttempts);
    let begun = 0;
    budget.called(request.model);
    return new Promise((resolve, reject) => {
      const tries = new Set<Branch>();
      let failure: GatewayError | undefined;
      let won = false;

      const start = (change: (request: ChatRequest) => ChatRequest): void => {
        const own = branch(request);
        tries.add(own);
        begun++;
        const end = (): void => {
          own.release();
          tries.delete(own);
        };
        // What throws instead of rejecting has failed as well.
        const replying = (async () => next({ ...change(request), call: own.request.call }))();
        replyUnlessAborted(replying, own.signal).then(
          (reply) => {
            if (won) {
              end();
              letGo(reply);
            } else win(own, reply);
          },
          (thrown: unknown) => {
            end();
            failure ??= toGatewayError(thrown, signal);
            if (tries.size === 0 && !won) lose(failure);
          },
        );
      };
      const win = (own: Branch, reply: ChatReply): void => {
        won = true;
        cancel();
        for (const other of tries) if (other !== own) other.abort(OTHER_WON);
        resolve(onEnd(reply, own.release, signal));
      };
      const lose = (error: GatewayError): void => {
        cancel();
        reject(begun > 1 && !signal.aborted ? triedInVain(error) : error);
      };
      const cancel = clock.after(afterMs, () => {
        const late = clock.now() >= context.get(deadline);
        if (signal.aborted || late || !takeTry(context, most, () => budget.take(request.model))) return;
        start(second);
      });
      start((same) => same);
    });
  };
}
