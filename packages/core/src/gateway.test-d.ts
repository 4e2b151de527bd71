import {
  auth,
  type Call,
  type Gateway,
  gateway,
  type Handler,
  type HttpRequest,
  keyFile,
  type Model,
  toFetch,
  toNode,
} from "./index.ts";

/** How a gateway is put together, and what the types must not let pass. */
export function mustCompile(handler: Handler, list: (call: Call) => Promise<readonly Model[]>): void {
  const keys = auth({ keys: [{ name: "team-a", key: "key-of-team-a-0123456789" }] });
  const api: Gateway = gateway(handler, { models: ["a", { id: "b", x: 1 }], errors: "problem", maxBodyBytes: 1 });
  auth({
    keys: [
      { name: "a", sha256: "00", models: ["gpt-*"], limits: [{ requests: 1, windowMs: 1 }], expiresAt: new Date() },
    ],
  });
  auth({ keys: async (sha256) => ({ name: "a", sha256, metadata: { team: 7 } }), cache: { ttlMs: 1 } });
  auth({ keys: keyFile("keys.json"), tokens: async (token) => ({ name: token }), accept: ["bearer"] });
  auth({ tokens: async () => ({ name: "a" }), region: "eu" });
  gateway(handler, { models: list, errors: (error, requestId) => ({ body: { code: error.code, requestId } }) });
  gateway(handler, {
    models: async (call) => {
      await keys.check(call);
      return ["a", "b"].filter((model) => keys.allows(call, model));
    },
    admit: keys.check,
    onError: (error, call) => console.error(call.id, error.cause),
  });
  toNode(api, { prefix: "/api" });
  const _fetch: typeof fetch = toFetch(api);
}

export function mustNotCompile(handler: Handler, api: Gateway, http: HttpRequest): void {
  // @ts-expect-error The built-in envelopes have five names.
  gateway(handler, { errors: "anthropic" });
  // @ts-expect-error A limit is a number of bytes.
  gateway(handler, { maxBodyBytes: "1mb" });
  // @ts-expect-error An option that does not exist does nothing.
  gateway(handler, { maxBodyByte: 1 });
  // @ts-expect-error A model has an id.
  gateway(handler, { models: [{ name: "a" }] });
  // @ts-expect-error An envelope gives a body.
  gateway(handler, { errors: () => ({ contentType: "text/plain" }) });
  // @ts-expect-error A gateway is made of a handler.
  gateway();
  // @ts-expect-error An adapter takes a gateway, not a handler.
  toNode(handler);
  // @ts-expect-error The keys, or what recognises tokens, are given at the start.
  auth({});
  // @ts-expect-error A key belongs to somebody.
  auth({ keys: [{ key: "key-of-team-a-0123456789" }] });
  // @ts-expect-error A key is given itself, or as its hash.
  auth({ keys: [{ name: "a" }] });
  // @ts-expect-error A key is not given in both ways.
  auth({ keys: [{ name: "a", key: "key-of-team-a-0123456789", sha256: "00" }] });
  // @ts-expect-error A right that is misspelled gives all.
  auth({ keys: [{ name: "a", key: "key-of-team-a-0123456789", model: ["gpt-*"] }] });
  // @ts-expect-error A look-up answers records, which hold the hash.
  auth({ keys: async () => ({ name: "a" }) });
  // @ts-expect-error There are three ways to send a key.
  auth({ keys: keyFile("keys.json"), accept: ["query"] });
  // @ts-expect-error A caller's own limit counts that caller, not an address.
  auth({ keys: [{ name: "a", sha256: "00", limits: [{ requests: 1, windowMs: 1, per: "address" }] }] });
  // @ts-expect-error An answer is awaited.
  const _status: number = api.handle(http).status;
  // @ts-expect-error The caller's headers stay what they were.
  http.headers["x-a"] = "1";
}
