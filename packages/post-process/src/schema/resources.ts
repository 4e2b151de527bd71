import type { CompileBudget } from "./compile-budget.ts";
import { type Dialect, DRAFT_2020_12, dialectIn, dialectOf } from "./dialect.ts";
import { isObject, isSchema, type JsonObject, type Schema } from "./json.ts";
import { step } from "./path.ts";
import { SchemaError } from "./schema-error.ts";
import type { SchemaNode } from "./schema-node.ts";
import { absolute, withoutFragment } from "./uri.ts";

/** A schema with a URI of its own, and the names in it (JSON Schema Core 2020-12, 4.3.5). */
export interface Resource {
  readonly uri: string;
  readonly root: JsonObject;
  readonly anchors: Map<string, JsonObject>;
  readonly dynamicAnchors: Map<string, JsonObject>;
  /** What the dynamic anchors mean, once a `$dynamicRef` asks. */
  readonly dynamicNodes: Map<string, SchemaNode>;
}

/** Where a schema stands. */
export interface Site {
  readonly resource: Resource;
  readonly dialect: Dialect;
  readonly path: string;
}

/** What a reference refers to: a schema of ours, or the meta-schema of a dialect. */
export type Target =
  | { readonly schema: Schema; readonly anchor: string | undefined; readonly site: Site }
  | { readonly metaSchema: Dialect };

/** The URI of a schema that has none. Nothing is ever read from a URI. */
const UNNAMED = "schema://document/";
/** How many steps of a pointer are gone in a unit of work. */
const TOKENS_PER_WORK = 4;

/**
 * Where every schema within a schema stands, and what references between them mean. Making it checks the values of all keywords:
 * it throws a `SchemaError` for the first that is wrong. The schema must be a tree, such as JSON.parse makes.
 */
export class Resources {
  readonly #byUri = new Map<string, Resource>();
  readonly #sites = new Map<JsonObject, Site>();
  /** What was referred to, by its URI: a long pointer may stand in thousands of references. */
  readonly #targets = new Map<string, Target>();
  readonly #budget: CompileBudget;

  constructor(root: JsonObject, budget: CompileBudget) {
    this.#budget = budget;
    const resource = this.#begin(UNNAMED, root, "");
    this.#place(root, { resource, dialect: DRAFT_2020_12, path: "" }, "");
  }

  siteOf(schema: JsonObject): Site {
    const site = this.#sites.get(schema);
    if (!site) throw new Error("a schema that was not found before");
    return site;
  }

  /** What a reference refers to that stands at a site; `path` is its own. Throws a `SchemaError` where that is nothing here. */
  resolve(reference: string, from: Site, path: string): Target {
    const uri = absolute(reference, from.resource.uri, path);
    const known = this.#targets.get(uri);
    if (known) return known;
    const target = this.#target(uri, path);
    this.#targets.set(uri, target);
    return target;
  }

  #target(uri: string, path: string): Target {
    const hash = uri.indexOf("#");
    const fragment = hash < 0 ? "" : decoded(uri.slice(hash + 1), path);
    const resource = this.#byUri.get(withoutFragment(uri));
    if (!resource) {
      const metaSchema = dialectOf(uri);
      if (metaSchema) return { metaSchema };
      throw new SchemaError(path, "must refer to a place in this schema: no other document is read");
    }
    const site = this.siteOf(resource.root);
    if (fragment === "") return { schema: resource.root, anchor: undefined, site };
    if (fragment.startsWith("/")) return this.#follow(fragment, resource.root, path);
    const schema = resource.anchors.get(fragment);
    if (!schema) throw new SchemaError(path, "refers to an anchor that this schema does not have");
    return { schema, anchor: fragment, site: this.siteOf(schema) };
  }

  /** Every resource: what a `$dynamicRef` may come to mean. */
  all(): Iterable<Resource> {
    return this.#byUri.values();
  }

  /** Goes along a JSON Pointer (RFC 6901). */
  #follow(pointer: string, root: JsonObject, from: string): Target {
    let at: unknown = root;
    let site = this.siteOf(root);
    let { path } = site;
    const tokens = pointer.slice(1).split("/");
    this.#budget.spend(tokens.length / TOKENS_PER_WORK);
    for (const token of tokens) {
      const found = entry(at, token.replaceAll("~1", "/").replaceAll("~0", "~"));
      if (!found) throw new SchemaError(from, "refers to a place that this schema does not have");
      at = found.value;
      path += step(found.name);
      site = (isObject(at) && this.#sites.get(at)) || site;
    }
    if (!isSchema(at)) throw new SchemaError(from, "refers to something that is no schema");
    // What an unknown keyword holds is a schema only once it is referred to.
    this.#place(at, site, path);
    return { schema: at, anchor: undefined, site: isObject(at) ? this.siteOf(at) : site };
  }

  /** Notes where a schema stands, and those within it. */
  #place(schema: Schema, around: Site, path: string): void {
    if (!isObject(schema) || this.#sites.has(schema)) return;
    const dialect = dialectIn(schema, path, around.dialect);
    const refersOnly = dialect.isDraft07 && Object.hasOwn(schema, "$ref");
    const resource = refersOnly ? around.resource : this.#named(schema, dialect, around, path);
    const site = { resource, dialect, path };
    this.#sites.set(schema, site);
    for (const name of Object.keys(schema)) {
      // Definitions beside a reference are common, and mean nothing else.
      if (refersOnly && name !== "$ref" && name !== "definitions") continue;
      const inner = dialect.keywords.get(name)?.subschemas(schema[name], path + step(name)) ?? [];
      for (const { schema: subschema, path: place } of inner) this.#place(subschema, site, place);
    }
  }

  /** The resource that a schema belongs to, once its own names are noted. */
  #named(schema: JsonObject, dialect: Dialect, around: Site, path: string): Resource {
    let { resource } = around;
    const { $id, $anchor, $dynamicAnchor } = schema;
    if (typeof $id === "string") {
      const uri = absolute($id, resource.uri, `${path}.$id`);
      const base = withoutFragment(uri);
      if (base !== resource.uri) resource = this.#begin(base, schema, `${path}.$id`);
      const anchor = uri.slice(base.length + 1);
      if (dialect.isDraft07 && anchor !== "") note(resource.anchors, anchor, schema, `${path}.$id`);
    }
    if (dialect.isDraft07) return resource;
    if (typeof $anchor === "string") note(resource.anchors, $anchor, schema, `${path}.$anchor`);
    if (typeof $dynamicAnchor === "string") {
      if ($dynamicAnchor !== $anchor) note(resource.anchors, $dynamicAnchor, schema, `${path}.$dynamicAnchor`);
      resource.dynamicAnchors.set($dynamicAnchor, schema);
    }
    return resource;
  }

  #begin(uri: string, root: JsonObject, path: string): Resource {
    if (this.#byUri.has(uri)) throw new SchemaError(path, "is the same as that of another schema here");
    const resource = { uri, root, anchors: new Map(), dynamicAnchors: new Map(), dynamicNodes: new Map() };
    this.#byUri.set(uri, resource);
    return resource;
  }
}

/** What a value has by the name of a property or the index of an item. */
function entry(value: unknown, name: string): { readonly value: unknown; readonly name: string | number } | undefined {
  if (isObject(value)) return Object.hasOwn(value, name) ? { value: value[name], name } : undefined;
  const index = /^(?:0|[1-9]\d*)$/.test(name) ? Number(name) : Number.NaN;
  return Array.isArray(value) && index < value.length ? { value: value[index], name: index } : undefined;
}

function note(names: Map<string, JsonObject>, anchor: string, schema: JsonObject, path: string): void {
  if (names.has(anchor)) throw new SchemaError(path, "is the same as that of another schema here");
  names.set(anchor, schema);
}

function decoded(fragment: string, path: string): string {
  try {
    return decodeURIComponent(fragment);
  } catch {
    throw new SchemaError(path, "must have a fragment that is encoded as URIs are");
  }
}
