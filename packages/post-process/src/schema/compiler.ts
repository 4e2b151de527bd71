import { declaredTypes } from "./alternatives.ts";
import type { CompileBudget } from "./compile-budget.ts";
import type { JsonObject, Schema } from "./json.ts";
import type { KeywordContext } from "./keyword.ts";
import { metaSchema } from "./meta-schema.ts";
import { step } from "./path.ts";
import { Patterns } from "./patterns.ts";
import { Resources, type Site } from "./resources.ts";
import { ANYTHING, type Check, NOTHING, SchemaNode } from "./schema-node.ts";

/** Makes nodes of a schema and of what it refers to. */
export class Compiler {
  readonly #resources: Resources;
  readonly #patterns: Patterns;
  readonly #nodes = new Map<JsonObject, SchemaNode>();
  /** All of them, in order; they grow while they get their checks. A chain of references may be longer than the stack. */
  readonly #waiting: { readonly node: SchemaNode; readonly schema: JsonObject; readonly site: Site }[] = [];
  #hasDynamicNodes = false;

  constructor(root: JsonObject, budget: CompileBudget) {
    this.#resources = new Resources(root, budget);
    this.#patterns = new Patterns(budget);
  }

  compile(root: JsonObject): SchemaNode {
    const node = this.#node(root);
    for (const next of this.#waiting) this.#fill(next.node, next.schema, next.site);
    return node;
  }

  #node(schema: Schema): SchemaNode {
    if (typeof schema === "boolean") return schema ? ANYTHING : NOTHING;
    const known = this.#nodes.get(schema);
    if (known) return known;
    const site = this.#resources.siteOf(schema);
    const node = new SchemaNode([], site.resource.dynamicNodes);
    this.#nodes.set(schema, node);
    this.#waiting.push({ node, schema, site });
    return node;
  }

  #fill(node: SchemaNode, schema: JsonObject, site: Site): void {
    if (Object.keys(schema).length === 0) return;
    const refersOnly = site.dialect.isDraft07 && Object.hasOwn(schema, "$ref");
    if (!refersOnly) node.types = declaredTypes(schema);
    const checks: Check[] = [];
    const lateChecks: Check[] = [];
    for (const [name, keyword] of site.dialect.keywords) {
      if (!Object.hasOwn(schema, name) || (refersOnly && name !== "$ref")) continue;
      const check = keyword.check(schema[name], this.#context(name, schema, site, node));
      if (check) (keyword.isLate ? lateChecks : checks).push(check);
    }
    node.checks = checks;
    if (lateChecks.length > 0) node.lateChecks = lateChecks;
  }

  #context(name: string, schema: JsonObject, site: Site, node: SchemaNode): KeywordContext {
    const path = site.path + step(name);
    return {
      path,
      sibling: (other, shape) =>
        Object.hasOwn(schema, other) ? shape.read(schema[other], site.path + step(other)) : undefined,
      node: (inner) => this.#node(inner),
      nodes: (all) => all.map((inner) => this.#node(inner)),
      nodesByName: (all) => new Map([...all].map(([key, inner]) => [key, this.#node(inner)])),
      pattern: (source, at) => this.#patterns.get(source, at),
      reference: (uri) => {
        node.target = this.#reference(uri, site, path).node;
        return node.target;
      },
      dynamicReference: (uri) => this.#dynamicReference(uri, site, path),
    };
  }

  #reference(
    uri: string,
    site: Site,
    path: string,
  ): { readonly node: SchemaNode; readonly anchor?: string | undefined; readonly site?: Site } {
    const target = this.#resources.resolve(uri, site, path);
    if ("metaSchema" in target) return { node: metaSchema(target.metaSchema) };
    return { node: this.#node(target.schema), anchor: target.anchor, site: target.site };
  }

  #dynamicReference(uri: string, site: Site, path: string): ReturnType<KeywordContext["dynamicReference"]> {
    const { node, anchor, site: found } = this.#reference(uri, site, path);
    // Only a name that is a dynamic anchor where it is first found may mean another one.
    const isDynamic = anchor !== undefined && found?.resource.dynamicAnchors.has(anchor);
    if (isDynamic) this.#compileDynamicAnchors();
    return { node, name: isDynamic ? anchor : undefined };
  }

  #compileDynamicAnchors(): void {
    if (this.#hasDynamicNodes) return;
    this.#hasDynamicNodes = true;
    for (const { dynamicAnchors, dynamicNodes } of this.#resources.all()) {
      for (const [anchor, schema] of dynamicAnchors) dynamicNodes.set(anchor, this.#node(schema));
    }
  }
}
