import { createPublicKey, createSecretKey, KeyObject } from "node:crypto";
import type { JWTVerifyGetKey } from "jose";
import { remoteKeys } from "./jwks.ts";

/** Where the key is that an issuer's tokens are checked with: one of the three. */
export type KeyOptions =
  | {
      /** Where the issuer publishes its keys (RFC 7517): https, or http on this machine. */
      readonly jwksUrl: string | URL;
      readonly secret?: never;
      readonly publicKey?: never;
    }
  | {
      /** A secret shared with the issuer, as text or bytes: at least as many bytes as the hash has, 32 for HS256. */
      readonly secret: string | Uint8Array;
      readonly jwksUrl?: never;
      readonly publicKey?: never;
    }
  | {
      /** The issuer's public key: PEM text or a `KeyObject`; RSA from 2,048 bits on, EC, or Ed25519. */
      readonly publicKey: string | KeyObject;
      readonly jwksUrl?: never;
      readonly secret?: never;
    };

/** A key, and the algorithms that it may be used with. */
export interface KeyChoice {
  readonly key: KeyObject | JWTVerifyGetKey;
  readonly algorithms: readonly string[];
}

const RSA = ["RS256", "RS384", "RS512", "PS256", "PS384", "PS512"];
const EC = ["ES256", "ES384", "ES512"];
const ED = ["EdDSA", "Ed25519"];
/** How many bytes a secret must have at least: RFC 7518, section 3.2. */
const SECRET_BYTES: Readonly<Record<string, number>> = { HS256: 32, HS384: 48, HS512: 64 };
const CURVES: Readonly<Record<string, string>> = { prime256v1: "ES256", secp384r1: "ES384", secp521r1: "ES512" };

/** The key of the options. Throws a `TypeError` that names the option at fault; it holds no key. */
export function keyOf(options: KeyOptions, wanted: readonly string[] | undefined): KeyChoice {
  const { jwksUrl, secret, publicKey } = options;
  if ([jwksUrl, secret, publicKey].filter((given) => given !== undefined).length !== 1) {
    throw new TypeError("jwt: give exactly one of jwksUrl, secret and publicKey.");
  }
  if (jwksUrl !== undefined) {
    const algorithms = chosen(wanted, [...RSA, ...EC, ...ED]);
    return { key: remoteKeys(urlOf(jwksUrl)), algorithms };
  }
  if (publicKey !== undefined) {
    const key = publicKeyOf(publicKey);
    return { key, algorithms: chosen(wanted, algorithmsOf(key)) };
  }
  const algorithms = chosen(wanted ?? ["HS256"], Object.keys(SECRET_BYTES));
  if (typeof secret !== "string" && !(secret instanceof Uint8Array)) {
    throw new TypeError("jwt: secret must be a text or bytes.");
  }
  const bytes = Buffer.from(secret);
  const least = Math.max(...algorithms.map((name) => SECRET_BYTES[name] ?? 0));
  if (bytes.length < least) throw new TypeError(`jwt: secret must have at least ${least} bytes.`);
  // Everybody knows a public key, and could sign with it.
  if (bytes.includes("-----BEGIN")) throw new TypeError("jwt: secret is a key in PEM; give a public one as publicKey.");
  return { key: createSecretKey(bytes), algorithms };
}

function chosen(wanted: readonly string[] | undefined, possible: readonly string[]): readonly string[] {
  const algorithms = wanted ?? possible;
  if (Array.isArray(algorithms) && algorithms.length > 0 && algorithms.every((name) => possible.includes(name))) {
    return [...algorithms];
  }
  throw new TypeError(`jwt: algorithms must be some of ${possible.join(", ")} with this key.`);
}

function urlOf(given: string | URL): URL {
  const url = URL.canParse(String(given)) ? new URL(given) : undefined;
  const isLocal = url !== undefined && /^(localhost|127(\.\d+){3}|\[::1\])$/.test(url.hostname);
  if (url?.protocol === "https:" || (url?.protocol === "http:" && isLocal)) {
    if (url.username === "" && url.password === "") return url;
  }
  throw new TypeError("jwt: jwksUrl must be an https URL without user name and password; http only on this machine.");
}

function publicKeyOf(given: string | KeyObject): KeyObject {
  if (typeof given === "string" && given.includes("PRIVATE KEY")) {
    throw new TypeError("jwt: publicKey is a private key: a gateway must not have it.");
  }
  try {
    const key = given instanceof KeyObject ? given : createPublicKey(given);
    if (key.type === "public") return key;
  } catch {
    // Said below: what went wrong may show the key.
  }
  throw new TypeError("jwt: publicKey must be a public key, as PEM text or a KeyObject.");
}

function algorithmsOf(key: KeyObject): readonly string[] {
  const { asymmetricKeyType: type, asymmetricKeyDetails: details } = key;
  if (type === "rsa" && (details?.modulusLength ?? 0) >= 2048) return RSA;
  const curve = CURVES[details?.namedCurve ?? ""];
  if (type === "ec" && curve !== undefined) return [curve];
  if (type === "ed25519") return ED;
  throw new TypeError("jwt: publicKey must be RSA from 2,048 bits on, EC (P-256, P-384, P-521), or Ed25519.");
}
