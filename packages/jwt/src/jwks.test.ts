import assert from "node:assert/strict";
import { createServer, type RequestListener } from "node:http";
import type { AddressInfo } from "node:net";
import { type TestContext, test } from "node:test";
import { GatewayError, type TokenVerifier } from "@gatewright/core";
import { type CryptoKey, exportJWK, generateKeyPair, SignJWT } from "jose";
import { jwt } from "./jwt.ts";

const issuer = "https://issuer.example";
const audience = "gateway";
const START = Date.UTC(2027, 0, 1);

/** An issuer on a port of its own, with the time in a test's hand. */
class Issuer {
  requests = 0;
  /** What it answers in place of its keys. */
  answer: RequestListener | undefined;
  readonly #keys: object[] = [];
  readonly #server = createServer((request, response) => {
    this.requests++;
    if (this.answer) this.answer(request, response);
    else response.setHeader("content-type", "application/json").end(JSON.stringify({ keys: this.#keys }));
  });

  async listen(t: TestContext): Promise<TokenVerifier> {
    t.mock.timers.enable({ apis: ["Date"], now: START });
    await new Promise<void>((resolve) => this.#server.listen(0, "127.0.0.1", resolve));
    t.after(() => {
      this.#server.closeAllConnections();
      this.#server.close();
    });
    // A server that listens on a port has an address with one.
    const { port } = this.#server.address() as AddressInfo;
    return jwt({ issuer, audience, jwksUrl: `http://127.0.0.1:${port}/keys`, clockToleranceSeconds: 0 });
  }

  async addKey(kid: string): Promise<CryptoKey> {
    const { publicKey, privateKey } = await generateKeyPair("ES256");
    this.#keys.push({ ...(await exportJWK(publicKey)), kid, alg: "ES256", use: "sig" });
    return privateKey;
  }
}

function sign(key: CryptoKey, kid?: string): Promise<string> {
  const claims = { iss: issuer, aud: audience, sub: "ann", exp: START / 1000 + 86_400 };
  return new SignJWT(claims).setProtectedHeader({ alg: "ES256", ...(kid !== undefined && { kid }) }).sign(key);
}

test("the keys are fetched once, when first needed, and shared", async (t) => {
  const from = new Issuer();
  const key = await from.addKey("1");
  const verify = await from.listen(t);
  assert.equal(from.requests, 0);
  const token = await sign(key, "1");
  const callers = await Promise.all(Array.from({ length: 20 }, () => verify(token)));
  assert.ok(callers.every(({ name }) => name === "ann"));
  assert.equal(from.requests, 1);
});

test("a new key is found; unknown ones make a fetch every 30 s at most", async (t) => {
  const from = new Issuer();
  const first = await from.addKey("1");
  const verify = await from.listen(t);
  await verify(await sign(first, "1"));
  const second = await from.addKey("2");
  const token = await sign(second, "2");
  for (let call = 0; call < 5; call++) await invalid(verify(token));
  assert.equal(from.requests, 1);
  t.mock.timers.tick(30_000);
  assert.equal((await verify(token)).name, "ann");
  assert.equal(from.requests, 2);
});

test("a token that names no key is taken where there is one, and refused where there are two", async (t) => {
  const from = new Issuer();
  const key = await from.addKey("1");
  const verify = await from.listen(t);
  await verify(await sign(key));
  await from.addKey("2");
  t.mock.timers.tick(600_000);
  await invalid(verify(await sign(key)));
});

test("a token of a key that is not the issuer's is refused", async (t) => {
  const from = new Issuer();
  await from.addKey("1");
  const verify = await from.listen(t);
  const { privateKey } = await generateKeyPair("ES256");
  await invalid(verify(await sign(privateKey, "1")));
});

const FAILURES: Readonly<Record<string, RequestListener>> = {
  "an error": (_request, response) => response.writeHead(500).end("{}"),
  "a redirect": (_request, response) => response.writeHead(302, { location: "https://elsewhere.example/" }).end(),
  "no JSON": (_request, response) => response.end("<html>"),
  "no key set": (_request, response) => response.end('{"keys":7}'),
  "more than a megabyte": (_request, response) => response.end(`{"keys":[],"x":"${"x".repeat(1 << 20)}"}`),
  "a broken connection": (request) => request.socket.destroy(),
};

for (const [what, answer] of Object.entries(FAILURES)) {
  test(`where the issuer answers ${what}, tokens cannot be checked, and it is asked again after a second`, async (t) => {
    const from = new Issuer();
    const key = await from.addKey("1");
    const verify = await from.listen(t);
    const token = await sign(key, "1");
    from.answer = answer;
    for (let call = 0; call < 5; call++) await unavailable(verify(token));
    assert.equal(from.requests, 1);
    from.answer = undefined;
    t.mock.timers.tick(1000);
    assert.equal((await verify(token)).name, "ann");
  });
}

test("keys that were fetched stay good for an hour where they cannot be fetched again", async (t) => {
  const from = new Issuer();
  const key = await from.addKey("1");
  const verify = await from.listen(t);
  const token = await sign(key, "1");
  await verify(token);
  from.answer = FAILURES["an error"];
  t.mock.timers.tick(600_000);
  await verify(token);
  assert.equal(from.requests, 2);
  const { privateKey } = await generateKeyPair("ES256");
  await unavailable(verify(await sign(privateKey, "2")));
  await invalid(verify(await sign(privateKey, "1")));
  t.mock.timers.tick(3_600_000);
  await unavailable(verify(token));
});

async function invalid(call: Promise<unknown>): Promise<void> {
  await assert.rejects(call, { code: "llm.auth.invalid_key", message: "The token is not valid." });
}

async function unavailable(call: Promise<unknown>): Promise<void> {
  await assert.rejects(call, (error) => {
    assert.ok(error instanceof GatewayError);
    assert.equal(error.code, "llm.auth.unavailable");
    assert.equal(error.retryAfterMs, 1000);
    return error.cause instanceof Error;
  });
}
