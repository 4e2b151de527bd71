/**
 * Shapes of credentials that must not be shown: headers that carry them, bearer tokens, key prefixes of model
 * services and of the gateway's own, JSON Web Tokens.
 */
const CREDENTIALS = [
  /((?:authorization|cookie)["']?\s{0,8}[:=]\s{0,8}["']?)[^"'\r\n]+/gi,
  /((?:api[-_]?key)["']?\s{0,8}[:=]\s{0,8}["']?)[^\s"',;]+/gi,
  /\b(bearer\s+)[^\s"',;]+/gi,
  /\b((?:sk|pk|rk|gsk|xai)[-_])[A-Za-z0-9*._-]{3,}/g,
  /\b(AIza)[A-Za-z0-9_-]{10,}/g,
  /\b(gw_)[A-Za-z0-9_-]{20,}/g,
  /(?<![\w-])(eyJ)[\w-]{10,}\.[\w-]+\.[\w-]*/g,
];

/** How much of a text is looked at: enough that masking leaves more than is shown. */
const MAX_READ = 64 * 1024;

/**
 * Text that came from elsewhere, fit to be shown: credentials and the given `secrets` are masked, control characters
 * removed, and it is cut at `maxLength` characters.
 */
export function redact(text: string, secrets: readonly string[] = [], maxLength = 1000): string {
  let shown = text.slice(0, MAX_READ);
  for (const secret of secrets) if (secret !== "") shown = shown.replaceAll(secret, MASK);
  for (const shape of CREDENTIALS) shown = shown.replace(shape, `$1${MASK}`);
  // Where the text was cut, the cut may run through a secret.
  if (text.length > MAX_READ) shown = shown.slice(0, -Math.max(1, ...secrets.map((secret) => secret.length)));
  // biome-ignore lint/suspicious/noControlCharactersInRegex: they are what is removed
  shown = shown.replace(/[\u0000-\u0008\u000b-\u001f\u007f-\u009f]+/g, " ");
  return shown.length > maxLength ? `${shown.slice(0, maxLength - 1)}…` : shown;
}

const MASK = "***";
