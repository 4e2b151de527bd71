/** A text, cut where it is longer than a number of characters; no character is cut in two. */
export function shortened(text: string, chars: number): string {
  if (text.length <= chars) return text;
  return `${text.slice(0, chars).replace(/[\ud800-\udbff]$/, "")}…`;
}

/** A JSON value in a message, cut where it is long. */
export function quoted(value: unknown, chars = 64): string {
  return shortened(JSON.stringify(value), chars);
}

/** JSON values in a message: as many as there is room for. */
export function quotedList(values: readonly unknown[], chars = 176): string {
  let list = "";
  for (const value of values) {
    const next = (list === "" ? "" : ", ") + quoted(value);
    if (list.length + next.length > chars) return `${list}, …`;
    list += next;
  }
  return list;
}
