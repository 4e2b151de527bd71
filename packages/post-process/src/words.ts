/** What a word without quotes stands for: JSON, and what was done to it; undefined where it is plain text. */
export interface Meaning {
  readonly json: string;
  readonly fix?: string;
}

const NUMBER = /^-?(?:0|[1-9]\d*)(?:\.\d+)?(?:[eE][+-]?\d+)?$/;
const LOOSE_NUMBER = /^([+-]?)(\d*)(?:\.(\d*))?([eE][+-]?\d+)?$/;

const NAMES: ReadonlyMap<string, Meaning> = new Map<string, Meaning>([
  ["true", { json: "true" }],
  ["false", { json: "false" }],
  ["null", { json: "null" }],
  ...["True", "TRUE"].map((name): [string, Meaning] => [name, { json: "true", fix: "literal" }]),
  ...["False", "FALSE"].map((name): [string, Meaning] => [name, { json: "false", fix: "literal" }]),
  ...[
    "None",
    "NULL",
    "Null",
    "nil",
    "undefined",
    "NaN",
    "nan",
    "Infinity",
    "+Infinity",
    "-Infinity",
    "inf",
    "-inf",
  ].map((name): [string, Meaning] => [name, { json: "null", fix: "literal" }]),
]);

/** Reads a literal or a number as models write them. A number keeps its digits. */
export function meaningOf(word: string): Meaning | undefined {
  if (NUMBER.test(word)) return { json: word };
  const known = NAMES.get(word);
  if (known) return known;
  if (/^[+-]?0[xX][\da-fA-F]+$/.test(word)) {
    const digits = BigInt(word.replace(/^[+-]/, ""));
    return { json: `${word.startsWith("-") ? "-" : ""}${digits}`, fix: "number" };
  }
  const plain = /^[+-]?\d{1,3}(?:_\d{3})+(?:\.\d+)?$/.test(word) ? word.replaceAll("_", "") : word;
  const [, sign, whole = "", fraction = "", exponent = ""] = LOOSE_NUMBER.exec(plain) ?? [];
  // A number that begins with a zero is more likely a code, of which the zero is a part.
  if (sign === undefined || (whole === "" && fraction === "") || /^0\d/.test(whole)) return undefined;
  const json = `${sign === "-" ? "-" : ""}${whole || "0"}${fraction && `.${fraction}`}${exponent}`;
  return { json, fix: "number" };
}

/** What is left of a literal that was cut; undefined where nothing can be made of it. */
export function meaningOfCut(word: string): Meaning | undefined {
  const whole = meaningOf(word);
  if (whole) return whole;
  if (/^[a-z]/i.test(word)) for (const [name, meaning] of NAMES) if (name.startsWith(word)) return meaning;
  return undefined;
}
