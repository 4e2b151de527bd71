import type { Evaluated } from "./evaluated.ts";
import type { Evaluation } from "./evaluation.ts";
import type { TypeName } from "./json.ts";
import type { Place } from "./path.ts";

/** Whether a value is as one keyword asks. What is wrong with it is told to the evaluation. */
export type Check = (value: unknown, place: Place, run: Evaluation, evaluated: Evaluated | undefined) => boolean;

/** What the dynamic anchors of one resource mean; empty where no `$dynamicRef` asks. */
export type DynamicAnchors = ReadonlyMap<string, SchemaNode>;

/**
 * A schema, compiled. References make a graph of them, with circles: a node exists before its checks do. Many are kept for long,
 * so nothing of a node may hold on to what it was made with.
 */
export class SchemaNode {
  checks: readonly Check[];
  /** Those that ask about what the others have looked at, and nothing where these do not hold. */
  lateChecks: readonly Check[] = [];
  /** The types that it allows, where it says so itself. */
  types: readonly TypeName[] | undefined;
  /** What it refers to. */
  target: SchemaNode | undefined;
  /** Those of the resource that it is part of; none for one that is not of the schema given, such as `true`. */
  readonly anchors: DynamicAnchors | undefined;

  constructor(checks: readonly Check[], anchors?: DynamicAnchors) {
    this.checks = checks;
    this.anchors = anchors;
  }
}

/** The schema `true`. */
export const ANYTHING: SchemaNode = new SchemaNode([]);

/** The schema `false`. */
export const NOTHING: SchemaNode = new SchemaNode([
  (_value, place, run) => run.fails(place, () => "must be left out: the schema allows nothing here"),
]);
