import { fork, type Serializable } from "node:child_process";
import { pinnedTo } from "./pinning.ts";

/** A process that answers one question at a time. */
export interface Child {
  /** Asks, and waits for the answer. Rejects where the process has ended without one. */
  ask<Answer>(question: Serializable): Promise<Answer>;
  stop(): void;
}

/** Starts a module as a process of its own, on one core where `core` names one. */
export function startChild(module: string, args: readonly string[], core: string | undefined): Child {
  const child = fork(module, args, { ...pinnedTo(core), env: { ...process.env, NODE_ENV: "production" } });
  let lost: ((error: Error) => void) | undefined;
  const end = (how: string): void => lost?.(new Error(`${[module, ...args].join(" ")} ${how}`));
  child.on("error", (error) => end(`could not be started: ${error.message}`));
  child.on("exit", (code, signal) => end(`ended with ${signal ?? code}`));
  return {
    ask: <Answer>(question: Serializable) =>
      new Promise<Answer>((resolve, reject) => {
        lost = reject;
        // The module at the other end of the channel is one of this directory, and answers what its question is for.
        child.once("message", (answer) => resolve(answer as Answer));
        child.send(question, (error) => error && reject(error));
      }),
    stop: () => {
      if (child.connected) child.disconnect();
    },
  };
}

/** Answers the questions of the process that started this one, until that one lets go of it. */
export function answerQuestions<Question>(answer: (question: Question) => Promise<Serializable>): void {
  // Whoever starts a module asks only what it is for.
  process.on("message", async (question) => process.send?.(await answer(question as Question)));
  process.once("disconnect", () => process.exit());
}
