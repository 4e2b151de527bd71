import type { Transcript } from "./transcript.ts";

/** The text of a transcript, as it is: what `injectTranscript` inserts where it is not told otherwise. */
export function plainText({ text }: Transcript): string {
  return text ?? "";
}

/**
 * A line for each utterance, with its time and speaker: `[00:01:05] Speaker A: Hello.` Line breaks in it become spaces. The
 * plain text where the transcript has no utterances.
 * @example injectTranscript({ source, format: bySpeaker })
 */
export function bySpeaker(transcript: Transcript): string {
  const { utterances } = transcript;
  if (!utterances || utterances.length === 0) return plainText(transcript);
  const lines = utterances.map(({ speaker, text, start }) => {
    const time = typeof start === "number" ? `[${clockTime(start)}] ` : "";
    return `${time}${speaker ? `Speaker ${speaker}: ` : ""}${text}`.replace(LINE_BREAKS, " ");
  });
  return lines.join("\n");
}

/** Whatever a reader may take for the end of a line. */
const LINE_BREAKS = /[\n\v\f\r\u0085\u2028\u2029]+/g;

function clockTime(ms: number): string {
  const seconds = Math.floor(ms / 1000);
  const parts = [Math.floor(seconds / 3600), Math.floor(seconds / 60) % 60, seconds % 60];
  return parts.map((part) => String(part).padStart(2, "0")).join(":");
}
