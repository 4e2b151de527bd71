import { type Dispatcher, Pool } from "undici";
import { KEY, type Kind, kinds } from "./calls.ts";
import { answerQuestions } from "./child.ts";
import { quantile } from "./statistics.ts";

/** What the client is to do: keep that many calls under way for that long. */
export interface Task {
  readonly url: string;
  readonly kind: Kind;
  readonly seconds: number;
  readonly concurrency: number;
}

/** What came of it. The seconds last until the last call has ended. */
export interface Outcome {
  readonly calls: number;
  readonly seconds: number;
  readonly p50Ms: number;
  readonly p99Ms: number;
  readonly errors: number;
  readonly firstError?: string;
}

const HEADERS = {
  "content-type": "application/json",
  accept: "application/json",
  authorization: `Bearer ${KEY}`,
  "user-agent": "gatewright-bench",
};

answerQuestions<Task>(run);

async function run({ url, kind, seconds, concurrency }: Task): Promise<Outcome> {
  const { body, fault } = kinds[kind];
  const pool = new Pool(url, { connections: concurrency, pipelining: 1 });
  const options: Dispatcher.DispatchOptions = { path: "/v1/chat/completions", method: "POST", headers: HEADERS, body };
  const latencies: number[] = [];
  let errors = 0;
  let firstError: string | undefined;
  const startedAt = performance.now();
  const until = startedAt + seconds * 1000;

  const call = (): Promise<void> =>
    new Promise((resolve) => {
      const calledAt = performance.now();
      const pieces: Buffer[] = [];
      let status = 0;
      const settle = (error: string | undefined): void => {
        if (error === undefined) latencies.push(performance.now() - calledAt);
        else {
          errors++;
          firstError ??= error;
        }
        resolve();
      };
      pool.dispatch(options, {
        // Undici requires it.
        onRequestStart() {},
        onResponseStart(_controller, statusCode) {
          status = statusCode;
        },
        onResponseData(_controller, piece) {
          pieces.push(piece);
        },
        onResponseEnd() {
          const text = Buffer.concat(pieces).toString("utf8");
          const wrong = fault(text);
          if (status !== 200) settle(`status ${status}: ${text.slice(0, 200)}`);
          else settle(wrong && `the answer ${wrong}: ${text.slice(-200)}`);
        },
        onResponseError(_controller, error) {
          settle(error.message);
        },
      });
    });
  const caller = async (): Promise<void> => {
    while (errors === 0 && performance.now() < until) await call();
  };
  await Promise.all(Array.from({ length: concurrency }, caller));

  const lasted = (performance.now() - startedAt) / 1000;
  await pool.close();
  latencies.sort((a, b) => a - b);
  return {
    calls: latencies.length,
    seconds: lasted,
    p50Ms: quantile(latencies, 0.5),
    p99Ms: quantile(latencies, 0.99),
    errors,
    ...(firstError !== undefined && { firstError }),
  };
}
