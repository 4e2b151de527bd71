/** Where on a server a gateway answers. */
export interface MountOptions {
  /** The path under which the gateway answers; default `/v1`, which OpenAI's clients add to a host. `""`: the root. */
  readonly prefix?: string;
}

/**
 * Makes a function that gives the part of a path below `prefix`, or `undefined` where the path is not below it.
 * Throws a `TypeError` where `prefix` is not empty and does not start with a slash, or ends with one.
 */
export function mountPath(prefix: string): (path: string) => string | undefined {
  if (prefix !== "" && !/^\/.*[^/]$/.test(prefix)) {
    throw new TypeError(
      `prefix must be empty or like "/v1", with a slash in front and none behind; it is "${prefix}".`,
    );
  }
  return (path) => (path.startsWith(`${prefix}/`) ? path.slice(prefix.length) : undefined);
}
