/** A base URL as one, with a slash at its end; `undefined` where it is no http(s) URL, or has a query or a fragment. */
export function parseBase(baseUrl: string): URL | undefined {
  const base = URL.parse(baseUrl.endsWith("/") ? baseUrl : `${baseUrl}/`);
  const isWeb = base?.protocol === "https:" || base?.protocol === "http:";
  return base && isWeb && base.search + base.hash === "" ? base : undefined;
}
