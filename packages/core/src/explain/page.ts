import type { Series } from "./buckets.ts";

/** A column of a table. */
export interface Column {
  readonly title: string;
  /** Default `left`; numbers stand on the right. */
  readonly side?: "left" | "right";
  /** Left out where there is no room for it. */
  readonly spare?: boolean;
}

/** What is so, with a short name before it; `lines` where its text has lines, such as a stack, that are kept. */
export type Fact = readonly [name: string, text: string, shape?: "lines" | undefined];

/** Something on a page. Its texts may come from a log: whoever shows them makes them harmless first. */
export type Block =
  | { readonly kind: "text"; readonly text: string }
  | { readonly kind: "list"; readonly items: readonly string[] }
  | { readonly kind: "facts"; readonly facts: readonly Fact[] }
  | {
      readonly kind: "table";
      readonly caption: string;
      readonly columns: readonly Column[];
      readonly rows: readonly (readonly string[])[];
    }
  | { readonly kind: "plot"; readonly caption: string; readonly series: Series };

/** Blocks under a heading. */
export interface Section {
  readonly title: string;
  readonly blocks: readonly Block[];
}

/** What the command has found, before it is known where it is shown. */
export interface Page {
  readonly title: string;
  /** How what the first word of `lead` says is to be seen. */
  readonly tone?: "good" | "bad" | "middling" | undefined;
  /** What matters most, in a few words. */
  readonly lead: string;
  readonly sections: readonly Section[];
}
