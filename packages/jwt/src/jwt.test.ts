import assert from "node:assert/strict";
import { generateKeyPairSync, type KeyObject } from "node:crypto";
import { test } from "node:test";
import { auth, caller, GatewayError, type TokenVerifier } from "@gatewright/core";
import { chat } from "@gatewright/core/testing";
import { type JWTPayload, SignJWT, UnsecuredJWT } from "jose";
import { type JwtOptions, jwt } from "./jwt.ts";

const issuer = "https://issuer.example";
const audience = "gateway";
const { publicKey, privateKey } = generateKeyPairSync("ec", { namedCurve: "P-256" });
const rsa = generateKeyPairSync("rsa", { modulusLength: 2048 });
const secret = "a-secret-of-the-issuer-0123456789abcdef";
const now = Math.floor(Date.now() / 1000);
const good = { iss: issuer, aud: audience, sub: "ann", exp: now + 600 };

function sign(claims: JWTPayload, key: KeyObject | Uint8Array = privateKey, alg = "ES256"): Promise<string> {
  return new SignJWT(claims).setProtectedHeader({ alg }).sign(key);
}

async function refused(verify: TokenVerifier, token: string, message: RegExp): Promise<void> {
  await assert.rejects(verify(token), (error) => {
    assert.ok(error instanceof GatewayError);
    assert.equal(error.code, "llm.auth.invalid_key");
    assert.equal(error.status, 401);
    assert.match(error.message, message);
    for (const part of token.split(".")) assert.ok(part === "" || !error.message.includes(part));
    return true;
  });
}

test("a token that is signed, meant for the gateway and in its time names its caller", async () => {
  const claims = { ...good, roles: ["admin"] };
  const named = { name: "ann", metadata: claims };
  assert.deepEqual(await jwt({ issuer, audience, publicKey })(await sign(claims)), named);
  const pem = publicKey.export({ type: "spki", format: "pem" }).toString();
  assert.deepEqual(await jwt({ issuer, audience: ["other", audience], publicKey: pem })(await sign(claims)), named);
  assert.deepEqual(await jwt({ issuer, audience, secret })(await sign(claims, Buffer.from(secret), "HS256")), named);
});

for (const [alg, key] of [
  ["RS256", rsa],
  ["PS512", rsa],
  ["ES512", generateKeyPairSync("ec", { namedCurve: "P-521" })],
  ["EdDSA", generateKeyPairSync("ed25519")],
] as const) {
  test(`${alg} is taken with a key of its kind`, async () => {
    const verify = jwt({ issuer, audience, publicKey: key.publicKey });
    assert.equal((await verify(await sign(good, key.privateKey, alg))).name, "ann");
  });
}

test("in a gateway, a token is a caller, and its rights are those that toCaller gives", async () => {
  const tokens = jwt({
    issuer,
    audience,
    publicKey,
    toCaller: ({ sub, tier }) => ({ name: sub, models: tier === "free" ? ["small"] : ["*"] }),
  });
  const layer = auth({ tokens });
  const headers = { authorization: `Bearer ${await sign({ ...good, tier: "free" })}` };
  const { call } = chat("Hi", { headers });
  await layer.check(call);
  assert.deepEqual(call.context.get(caller), { name: "ann", kind: "token", models: ["small"] });
  assert.equal(layer.allows(call, "large"), false);
});

test("what toCaller throws refuses the call", async () => {
  const error = new GatewayError("llm.auth.invalid_key", "This user is blocked.");
  const verify = jwt({ issuer, audience, publicKey, toCaller: () => Promise.reject(error) });
  await assert.rejects(verify(await sign(good)), (thrown) => thrown === error);
});

test("clocks may be a little apart", async () => {
  const token = await sign({ ...good, exp: now - 60 });
  await refused(jwt({ issuer, audience, publicKey }), token, /^The token has expired\.$/);
  await jwt({ issuer, audience, publicKey, clockToleranceSeconds: 120 })(token);
});

const { sub: _sub, ...noSubject } = good;
const { exp: _exp, ...noExpiry } = good;
const { aud: _aud, ...noAudience } = good;
const { iss: _iss, ...noIssuer } = good;
const CLAIMS: readonly (readonly [string, JWTPayload, RegExp])[] = [
  ["expired", { ...good, exp: now - 60 }, /^The token has expired\.$/],
  ["not valid yet", { ...good, nbf: now + 60 }, /^The token is not valid yet\.$/],
  ["of another issuer", { ...good, iss: `${issuer}/` }, /^The token is not meant for this gateway\.$/],
  ["for another audience", { ...good, aud: ["another"] }, /^The token is not meant for this gateway\.$/],
  ["without sub", noSubject, /^The token lacks a claim/],
  ["without exp", noExpiry, /^The token lacks a claim/],
  ["without aud", noAudience, /^The token lacks a claim/],
  ["without iss", noIssuer, /^The token lacks a claim/],
  ["with an empty sub", { ...good, sub: "" }, /^The token has no usable subject\.$/],
  ["with a sub of two lines", { ...good, sub: "ann\nroot" }, /^The token has no usable subject\.$/],
  ["with a sub of a kilobyte", { ...good, sub: "x".repeat(1000) }, /^The token has no usable subject\.$/],
];

for (const [what, claims, message] of CLAIMS) {
  test(`a token ${what} is refused`, async () => {
    await refused(jwt({ issuer, audience, publicKey }), await sign(claims), message);
  });
}

test("a token that is not signed by the issuer is refused, whatever it says of itself", async () => {
  const verify = jwt({ issuer, audience, publicKey });
  const token = await sign(good);
  const [header = "", body = "", signature = ""] = token.split(".");
  const forged = Buffer.from(JSON.stringify({ ...good, sub: "root" })).toString("base64url");
  const pem = publicKey.export({ type: "spki", format: "pem" }).toString();
  const unsigned = new UnsecuredJWT(good).encode();
  const critical = Buffer.from('{"alg":"ES256","crit":["x"],"x":1}').toString("base64url");
  const tokens = [
    unsigned,
    `${header}.${body}.`,
    `${header}.${forged}.${signature}`,
    `${critical}.${body}.${signature}`,
    `${header}.${body}.${signature.slice(0, -4)}`,
    await sign(good, generateKeyPairSync("ec", { namedCurve: "P-256" }).privateKey),
    // The public key as a secret: CVE-2015-9235.
    await sign(good, Buffer.from(pem), "HS256"),
    // An algorithm that the key is not of.
    await sign(good, rsa.privateKey, "RS256"),
    "eyJ.eyJ.eyJ",
    "",
    "not a token",
  ];
  for (const each of tokens) await refused(verify, each, /^The token is not valid\.$/);
  await refused(verify, `${header}.${"x".repeat(9000)}.${signature}`, /^The token is too long\.$/);
});

test("a token of a secret is checked with that secret alone", async () => {
  const verify = jwt({ issuer, audience, secret });
  await refused(verify, await sign(good, Buffer.from(`${secret}x`), "HS256"), /not valid/);
  await refused(verify, await sign(good, Buffer.from(secret), "HS384"), /not valid/);
  await refused(verify, await sign(good), /not valid/);
});

const weak = generateKeyPairSync("rsa", { modulusLength: 1024 }).publicKey;
const exchange = generateKeyPairSync("x25519").publicKey;
const pkcs8 = privateKey.export({ type: "pkcs8", format: "pem" }).toString();
const base = { issuer, audience };
const BAD: readonly (readonly [object, RegExp])[] = [
  [{ audience, secret }, /^jwt: issuer must be/],
  [{ issuer: "", audience, secret }, /^jwt: issuer must be/],
  [{ issuer, secret }, /^jwt: audience must be/],
  [{ issuer, audience: [], secret }, /^jwt: audience must be/],
  [{ issuer, audience: [""], secret }, /^jwt: audience must be/],
  [base, /^jwt: give exactly one of jwksUrl, secret and publicKey/],
  [{ ...base, secret, publicKey }, /^jwt: give exactly one of/],
  [{ ...base, secret: secret.slice(0, 31) }, /^jwt: secret must have at least 32 bytes/],
  [{ ...base, secret, algorithms: ["HS512"] }, /^jwt: secret must have at least 64 bytes/],
  [{ ...base, secret: 7 }, /^jwt: secret must be a text or bytes/],
  [{ ...base, secret, algorithms: ["ES256"] }, /^jwt: algorithms must be some of HS256/],
  [{ ...base, publicKey, algorithms: ["HS256"] }, /^jwt: algorithms must be some of ES256 with this key/],
  [{ ...base, publicKey, algorithms: ["none"] }, /^jwt: algorithms must be/],
  [{ ...base, publicKey, algorithms: [] }, /^jwt: algorithms must be/],
  [
    { ...base, jwksUrl: "https://a.example/k", algorithms: ["RS256", "HS256"] },
    /^jwt: algorithms must be some of RS256/,
  ],
  [{ ...base, publicKey: "a-secret" }, /^jwt: publicKey must be a public key/],
  [{ ...base, publicKey: pkcs8 }, /^jwt: publicKey is a private key/],
  [{ ...base, publicKey: privateKey }, /^jwt: publicKey must be a public key/],
  [{ ...base, publicKey: weak }, /^jwt: publicKey must be RSA from 2,048 bits on/],
  [{ ...base, publicKey: exchange }, /^jwt: publicKey must be RSA/],
  [{ ...base, jwksUrl: "http://issuer.example/k" }, /^jwt: jwksUrl must be an https URL/],
  [{ ...base, jwksUrl: "https://user:a-secret@issuer.example/k" }, /^jwt: jwksUrl must be an https URL/],
  [{ ...base, jwksUrl: "issuer.example/k" }, /^jwt: jwksUrl must be an https URL/],
  [{ ...base, jwksUrl: "http://127.0.0.1.example/k" }, /^jwt: jwksUrl must be an https URL/],
  [{ ...base, secret, clockToleranceSeconds: -1 }, /^jwt: clockToleranceSeconds must be/],
  [{ ...base, secret, clockToleranceSeconds: "5m" }, /^jwt: clockToleranceSeconds must be/],
];

for (const [index, [options, message]] of BAD.entries()) {
  test(`bad options are told of at the start (${index + 1}): ${message.source}`, () => {
    assert.throws(
      // What the types forbid is what is tried.
      () => jwt(options as JwtOptions),
      (error) => error instanceof TypeError && message.test(error.message) && !error.message.includes("a-secret"),
    );
  });
}
