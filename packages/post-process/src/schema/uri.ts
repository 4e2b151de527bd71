import { SchemaError } from "./schema-error.ts";

/** How long a URI may be, in full: each that is completed with it takes time for that, and a schema may have thousands. */
const MAX_CHARS = 1000;

/** A reference, resolved against the URI of what it stands in. Throws a `SchemaError` with the path of the reference. */
export function absolute(reference: string, base: string, path: string): string {
  const uri = resolved(reference, base, path);
  if (uri.length > MAX_CHARS) throw new SchemaError(path, `must have at most ${MAX_CHARS} characters, in full`);
  return uri;
}

/** The document that a URI names. */
export function withoutFragment(uri: string): string {
  const hash = uri.indexOf("#");
  return hash < 0 ? uri : uri.slice(0, hash);
}

function resolved(reference: string, base: string, path: string): string {
  // By far the most, and for a base such as `urn:uuid:…` the only ones there are.
  if (reference.startsWith("#")) return base + reference;
  try {
    return new URL(reference, base).href;
  } catch {
    throw new SchemaError(path, "must be a URI, or a reference that the URI of its schema completes");
  }
}
