import { PatternRefused } from "./pattern-refused.ts";

/** `\s` of ECMA-262 (12.2 and 12.3), as members of a class; that of RE2 is five characters of ASCII. */
export const SPACE: string =
  "\\x{9}-\\x{d}\\x{20}\\x{a0}\\x{1680}\\x{2000}-\\x{200a}\\x{2028}\\x{2029}\\x{202f}\\x{205f}\\x{3000}\\x{feff}";
/** `\S`: a class cannot hold another that is negated. */
export const NOT_SPACE: string =
  "\\x{0}-\\x{8}\\x{e}-\\x{1f}\\x{21}-\\x{9f}\\x{a1}-\\x{167f}\\x{1681}-\\x{1fff}\\x{200b}-\\x{2027}" +
  "\\x{202a}-\\x{202e}\\x{2030}-\\x{205e}\\x{2060}-\\x{2fff}\\x{3001}-\\x{fefe}\\x{ff00}-\\x{10ffff}";

/** A character that stands for itself, anywhere in a pattern of RE2. */
export function codePoint(char: string): string {
  return /^[\w ]$/.test(char) ? char : `\\x{${(char.codePointAt(0) ?? 0).toString(16)}}`;
}

/** The members of a class from one character to another. */
export function range(low: string, high: string): string {
  // Without the flag `u`, halves of characters may be in order where the characters are not.
  if ((low.codePointAt(0) ?? 0) > (high.codePointAt(0) ?? 0)) throw new PatternRefused("has a range out of order");
  return `${codePoint(low)}-${codePoint(high)}`;
}

/** What `\p{…}` of ECMA-262 stands for, as members of a class. A name that RE2 does not know is refused when it is compiled. */
export function unicodeProperty(expression: string, negated: boolean): string {
  if (expression === "ASCII") return negated ? "\\x{80}-\\x{10ffff}" : "\\x{0}-\\x{7f}";
  const [kind = "", value] = expression.split("=");
  const isKnown = value === undefined || ["General_Category", "gc", "Script", "sc"].includes(kind);
  if (!isKnown) throw new PatternRefused(`names a Unicode property that is not supported, ${kind}`);
  const name = value ?? kind;
  return `\\${negated ? "P" : "p"}{${CATEGORIES.get(name) ?? name}}`;
}

/** The long names of general categories (ECMA-262, table 70), of which RE2 knows the short ones only. */
const CATEGORIES: ReadonlyMap<string, string> = new Map(
  `
    Letter=L Lowercase_Letter=Ll Uppercase_Letter=Lu Titlecase_Letter=Lt Modifier_Letter=Lm Other_Letter=Lo Mark=M
    Nonspacing_Mark=Mn Spacing_Mark=Mc Enclosing_Mark=Me Number=N Decimal_Number=Nd digit=Nd Letter_Number=Nl
    Other_Number=No Punctuation=P punct=P Connector_Punctuation=Pc Dash_Punctuation=Pd Open_Punctuation=Ps
    Close_Punctuation=Pe Initial_Punctuation=Pi Final_Punctuation=Pf Other_Punctuation=Po Symbol=S Math_Symbol=Sm
    Currency_Symbol=Sc Modifier_Symbol=Sk Other_Symbol=So Separator=Z Space_Separator=Zs Line_Separator=Zl
    Paragraph_Separator=Zp Other=C Control=Cc cntrl=Cc Format=Cf Surrogate=Cs Private_Use=Co Unassigned=Cn
    Cased_Letter=LC Combining_Mark=M
  `
    .trim()
    .split(/\s+/)
    .map((pair): [string, string] => {
      const [long = "", short = ""] = pair.split("=");
      return [long, short];
    }),
);
