import { type DirectiveRule, directiveGroups } from "./directives.ts";

/** The directives as the README shows them, in Markdown. */
export function markdownTable(): string {
  const tables = directiveGroups.map(({ title, rules }) => {
    const rows = Object.entries(rules).map(
      ([name, rule]) => `| ${forms(name, rule).map(code).join(" ")} | ${about(rule)} |`,
    );
    return [`| ${title} | |`, "| --- | --- |", ...rows].join("\n");
  });
  return tables.join("\n\n");
}

/** The directives for a terminal. */
export function plainTable(): string {
  const tables = directiveGroups.map(({ title, rules }) => {
    const rows = Object.entries(rules).map(([name, rule]) => `  ${form(name, rule).padEnd(27)} ${about(rule)}`);
    return [`${title}:`, ...rows].join("\n");
  });
  return tables.join("\n\n");
}

/** The ways to write a directive, one by one: `stall`, `stall=headers`, `stall=N`. */
function forms(name: string, rule: DirectiveRule): string[] {
  return [...(rule.bare ? [name] : []), ...values(rule).map((value) => `${name}=${value}`)];
}

/** The ways to write a directive, in one: `stall[=headers|N]`. */
function form(name: string, rule: DirectiveRule): string {
  const value = values(rule).length > 0 ? `=${values(rule).join("|")}` : "";
  return rule.bare && value ? `${name}[${value}]` : name + value;
}

function values({ words = [], value }: DirectiveRule): string[] {
  return value ? [...words, value] : [...words];
}

function about({ does, only }: DirectiveRule): string {
  if (!only) return does;
  return `${does} ${only === "stream" ? "Streams only." : "Not for streams."}`;
}

function code(text: string): string {
  return `\`${text}\``;
}
