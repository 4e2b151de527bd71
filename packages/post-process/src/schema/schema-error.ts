/** A schema that cannot be used. The message goes on where the path ends: `.properties.a.type` `must be …`. */
export class SchemaError extends Error {
  override readonly name = "SchemaError";
  /** Where in the schema, in the style of code; `""` for the whole. */
  readonly path: string;

  constructor(path: string, message: string) {
    super(message);
    this.path = path;
  }
}
