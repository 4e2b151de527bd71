import { seededRandom } from "./random.ts";

const words =
  "the a quick small river stone light morning cloud garden letter number answer question window paper green silver " +
  "seven morning finds keeps turns follows carries opens under over beside slowly often";
const vocabulary = words.split(" ");

/** `count` words: a longer run begins with the shorter one of the same seed. */
export function seededWords(seed: number, count: number): string {
  const random = seededRandom(seed);
  let text = "";
  for (let i = 0; i < count; i++) {
    if (i > 0) text += " ";
    text += vocabulary[Math.floor(random() * vocabulary.length)];
  }
  return text;
}

/** The simulator's tokens: a word with the white space after it. Together they are the text again. */
export function* tokensOf(text: string): Generator<string> {
  for (let start = 0, end = 0; start < text.length; start = end) {
    end = tokenEnd(text, start);
    yield text.slice(start, end);
  }
}

export function countTokens(text: string): number {
  let count = 0;
  for (let at = 0; at < text.length; at = tokenEnd(text, at)) count++;
  return count;
}

/** The first `count` tokens of a text, joined. */
export function firstTokens(text: string, count: number): string {
  let end = 0;
  for (let i = 0; i < count && end < text.length; i++) end = tokenEnd(text, end);
  return text.slice(0, end);
}

function tokenEnd(text: string, start: number): number {
  let at = start;
  while (at < text.length && text.charCodeAt(at) > 32) at++;
  while (at < text.length && text.charCodeAt(at) <= 32) at++;
  return at;
}
