import { fork, type Serializable } from "node:child_process";
import { basename } from "node:path";
import { pinnedTo } from "./pinning.ts";

/** A process that answers one question at a time. */
export interface Child {
  /** Asks, and waits for the answer. Rejects where the process has ended without one. */
  ask<Answer>(question: Serializable): Promise<Answer>;
  /** Resolves once the process has ended, with how it did. */
  readonly ended: Promise<string>;
  /** Lets go of the process, which then ends by itself. */
  stop(): void;
  /** Ends it at once, whatever it does. */
  kill(): void;
}

/** Starts a module as a process of its own, on one core where `core` names one. */
export function startChild(module: string, args: readonly string[], core: string | undefined): Child {
  const child = fork(module, args, { ...pinnedTo(core), env: { ...process.env, NODE_ENV: "production" } });
  const ended = new Promise<string>((resolve) => {
    child.once("error", (error) => resolve(`could not be started: ${error.message}`));
    child.once("exit", (code, signal) => resolve(`ended with ${signal ?? code}`));
  });
  return {
    ended,
    ask: <Answer>(question: Serializable) =>
      new Promise<Answer>((resolve, reject) => {
        ended.then((how) => reject(new Error(`${[basename(module), ...args].join(" ")} ${how}.`)));
        // The module at the other end of the channel is one of this directory, and answers what its question is for.
        child.once("message", (answer) => resolve(answer as Answer));
        // What cannot be sent was for a process that has ended, which rejects.
        child.send(question, () => {});
      }),
    stop: () => {
      if (child.connected) child.disconnect();
    },
    kill: () => void child.kill("SIGKILL"),
  };
}

/** Answers the questions of the process that started this one, until that one lets go of it. */
export function answerQuestions<Question>(answer: (question: Question) => Promise<Serializable>): void {
  // Whoever starts a module asks only what it is for.
  process.on("message", async (question) => process.send?.(await answer(question as Question)));
  process.once("disconnect", () => process.exit());
}
