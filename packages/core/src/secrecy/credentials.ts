/** What stands between a name and its value: `: `, `=`, `":`, in JSON within JSON `\":`. */
const IS = String.raw`(?:\\{0,4}["'])?\s{0,8}(?:[:=]|%3a|%3d)\s{0,8}`;

/** A value in quotes, from behind the one that opens it to before the one that closes it. */
const QUOTED = String.raw`(?<=\\["'])[^"'\n]+|(?<=")(?:\\.|[^"\\\n])+|(?<=')(?:\\.|[^'\\\n])+`;
const QUOTE = String.raw`(?:\\{0,4}["'])?`;

/** Names of fields and headers that hold nothing but a credential. */
const NAMES = [
  "(?:api|access|secret|private|subscription|account|signing)[-_ ]?key",
  "(?:access|refresh|(?<![a-z])id|auth|session|security)[-_ ]?token",
  "client[-_ ]?secret",
  "passw(?:or)?d|passphrase|(?<![a-z])pwd",
].join("|");

/** Names of parameters in a URL. */
const PARAMETERS =
  "key|token|sig|signature|secret|auth|code(?==.{8}|%3d.{8})|x-[a-z]{3,4}-(?:signature|credential|security-token)";

/** Words that are no token where they come after `bearer`. */
const PLAIN = String.raw`(?:tokens?|auth\w{0,16}|keys?|schemes?|format|is|was|in|or|and|of)(?![^\s"',;.)])`;

/**
 * Shapes of credentials: headers that carry them, fields and parameters, prefixes of the keys of model services and others and
 * of the gateway's own, JSON Web Tokens, passwords in URLs, private keys. What may be shown of one is its first group. Each
 * takes time in proportion to the text, whatever the text.
 */
export const CREDENTIALS: readonly RegExp[] = [
  // With the rest of its line: a cookie may have any form.
  shape(
    String.raw`((?:authorization|cookie)(?:${IS}|\\{0,4}["']\s{0,8},\s{0,8})${QUOTE})(?:${QUOTED}|[^\s"'][^\n]*)`,
    "gi",
  ),
  shape(
    String.raw`((?:${NAMES})(?:${IS}|\\{0,4}["']\s{0,8},\s{0,8})${QUOTE})(?!authorization:)(?:${QUOTED}|[^\s"',;&]+)`,
    "gi",
  ),
  shape(String.raw`((?<![a-z])(?:key|token|secret)${IS}${QUOTE})(?=[^\s"']{0,64}\d)[\w.~+/%=-]{20,}`, "gi"),
  shape(String.raw`((?:[?&;]|%3f|%26)(?:${PARAMETERS})(?:=|%3d))[^\s"'&#<>]+`, "gi"),
  shape(String.raw`(bearer(?:\s{0,8}[:=]\s{0,8}|\s+|%20|\+)["']?)(?!${PLAIN})[^\s"',;]+`, "gi"),
  shape(String.raw`(basic\s{1,8})(?=[a-z+/]{0,64}[\d=])[a-z\d+/]{8,}={0,2}(?![\w-])`, "gi"),
  shape(String.raw`(${apart(String.raw`A-Za-z\d`)}sk(?:[-_]|%2[Dd]|%5[Ff]))(?!learn(?![\w*-]))[\w*.%-]{3,}`),
  // Within a word, only what nobody writes by hand: `task-force` is none.
  shape(String.raw`(sk-)(?:proj-|ant-api|svcacct-|or-v1-)[\w-]{8,}`),
  shape(String.raw`(sk-)(?:[a-z\d]{2,8}-){0,2}(?=[A-Za-z\d]{0,64}\d)(?=[A-Za-z\d]{0,64}[A-Zg-z])[A-Za-z\d]{20,}[\w-]*`),
  shape(String.raw`(${apart(String.raw`\w`)}(?:pk|rk|gsk|xai)[-_])[\w*.-]{8,}`),
  shape(String.raw`(${apart(String.raw`\w`)}(?:gw_|pplx-|nvapi-|hf_|r8_|npm_|dapi|glpat-|whsec_))[\w-]{20,}`),
  // As long as the gateway's own are, wherever they stand.
  shape(String.raw`(gw_)[\w-]{40,}`),
  shape(String.raw`(AIza|ya29\.|gh[pousr]_|github_pat_|xox[a-z]-|xapp-)[\w.-]{8,}`),
  shape(String.raw`(${apart(String.raw`\w`)}A[KS]IA)[A-Z\d]{12,}`),
  shape(String.raw`(${apart(String.raw`\w-`)}eyJ)[\w-]{10,}(?:\.[\w-]*){0,2}`),
  shape(String.raw`(:\/\/[^\s/:@"']{0,256}:)[^\s/"']+(?=@)`),
  shape(String.raw`(-----BEGIN [A-Z ]{0,40}PRIVATE KEY-----)[\s\S]*?(?:-----END [A-Z ]{0,40}-----|$)`),
];

/** A piece of every shape. What has none of them is harmless: most text is, and costs one look. */
export const SUSPECT: RegExp =
  /(?:authorization|cookie|key|token|secret|passw(?:or)?d|passphrase|pwd)(?:\\{0,4}["'])?\s{0,8}[:=%,]|[?&;](?:sig|auth|code|x-)|%3f|%26|bearer[\s:=%+]|basic\s|sk[-_%]|[pr]k[-_]|xai[-_]|gw_|pplx-|hf_|r8_|npm_|nvapi|dapi|glpat|whsec|AIza|ya29|gh[pousr]_|github_|xox[a-z]-|xapp-|A[KS]IA|eyJ|:\/\/|-----B/i;

function shape(source: string, flags = "g"): RegExp {
  return new RegExp(source, flags);
}

/** Where no word of these characters goes on: before it is none of them, or what encodes another in a URL or in JSON. */
function apart(word: string): string {
  return String.raw`(?:(?<![${word}])|(?<=%[\dA-Fa-f]{2}|\\[bfnrt]|\\u[\dA-Fa-f]{4}))`;
}
