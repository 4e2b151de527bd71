import type { ChatMessage } from "../chat.ts";
import { cut, redact } from "../secrecy/redact.ts";
import { AnswerText, promptText } from "./answer-text.ts";
import type { ContentRecord } from "./record.ts";

/** How much more is taken than is kept: what the end of it runs through cannot be recognised, and is left out. */
const SLACK = 1024;

/** How prompts and answers are shown. Whatever the given redactor leaves, credentials are masked as well. */
export class ContentRule {
  readonly #redactor: (text: string) => string;
  readonly #maxChars: number;

  constructor(redactor: (text: string) => string, maxChars: number) {
    this.#redactor = redactor;
    this.#maxChars = maxChars;
  }

  /** Gathers an answer as it goes by. */
  answer(): AnswerText {
    return new AnswerText(this.#maxChars + SLACK);
  }

  /** A prompt and its answer, fit to be shown; `undefined` where the redactor fails. */
  of(messages: readonly ChatMessage[], answer: AnswerText | undefined): ContentRecord | undefined {
    const prompt = this.show(promptText(messages, this.#maxChars + SLACK));
    const said = this.show(answer?.toString() ?? "");
    return prompt === undefined || said === undefined ? undefined : { prompt, answer: said };
  }

  /** One text, fit to be shown, cut where it is too long; `undefined` where the redactor fails. */
  show(text: string): string | undefined {
    try {
      const isPart = text.length >= this.#maxChars + SLACK;
      const redacted: unknown = this.#redactor(isPart ? text.slice(0, this.#maxChars + SLACK) : text);
      if (typeof redacted !== "string") {
        // A promise cannot be waited for here, and must not end the process.
        Promise.resolve(redacted).catch(() => {});
        return undefined;
      }
      const masked = redact(redacted, [], 3 * redacted.length);
      return cut(isPart ? `${masked.slice(0, -SLACK)}…` : masked, this.#maxChars);
    } catch {
      return undefined;
    }
  }
}
