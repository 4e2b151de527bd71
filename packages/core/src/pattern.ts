/**
 * Compiles a name in which `*` stands for any text, such as `gpt-*`. The function answers whether a text is such a name, in
 * linear time whatever the pattern.
 */
export function namePattern(name: string): (text: string) => boolean {
  if (!name.includes("*")) return (text) => text === name;
  const pieces = name.split("*");
  return (text) => matches(text, pieces);
}

/** Whether a text is the pieces in order with any text between them. */
function matches(text: string, pieces: readonly string[]): boolean {
  const first = pieces[0] ?? "";
  const last = pieces.at(-1) ?? "";
  if (text.length < first.length + last.length || !text.startsWith(first) || !text.endsWith(last)) return false;
  let at = first.length;
  const end = text.length - last.length;
  for (const piece of pieces.slice(1, -1)) {
    const found = text.indexOf(piece, at);
    if (found === -1 || found + piece.length > end) return false;
    at = found + piece.length;
  }
  return true;
}
