/** Shapes of credentials that must not be shown: bearer tokens and the key prefixes of the model services. */
const CREDENTIALS = [
  /\b(bearer\s+)[^\s"',;]+/gi,
  /\b((?:sk|pk|rk|gsk|xai)[-_])[A-Za-z0-9*._-]{3,}/g,
  /\b(AIza)[A-Za-z0-9_-]{10,}/g,
  /\b((?:api[-_]?key|x-api-key|authorization|cookie)["']?\s*[:=]\s*["']?)[^\s"',;]+/gi,
];

/**
 * Text that came from elsewhere, fit to be shown: credentials and the given `secrets` are masked, control characters
 * removed, and it is cut at `maxLength` characters.
 */
export function redact(text: string, secrets: readonly string[] = [], maxLength = 1000): string {
  // Cut first, so that the cost is bounded; twice the length, so that a secret on the edge is masked before it is cut.
  let shown = text.slice(0, maxLength * 2);
  for (const secret of secrets) if (secret !== "") shown = shown.replaceAll(secret, MASK);
  for (const shape of CREDENTIALS) shown = shown.replace(shape, `$1${MASK}`);
  // biome-ignore lint/suspicious/noControlCharactersInRegex: they are what is removed
  shown = shown.replace(/[\u0000-\u0008\u000b-\u001f\u007f-\u009f]+/g, " ");
  return shown.length > maxLength ? `${shown.slice(0, maxLength - 1)}…` : shown;
}

const MASK = "***";
