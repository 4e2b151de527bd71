import { type Caller, GatewayError, type TokenVerifier } from "@gatewright/core";
import { errors, type JWTPayload, jwtVerify } from "jose";
import { type KeyOptions, keyOf } from "./key.ts";

/** What an issuer says in a token, once that was checked. */
export interface Claims {
  /** The issuer. */
  readonly iss: string;
  /** Whom the token is about. */
  readonly sub: string;
  /** When it expires, in seconds since 1970. */
  readonly exp: number;
  readonly [claim: string]: unknown;
}

/** Whose tokens are taken, and for whom they must be meant. */
export type JwtOptions = KeyOptions & {
  /** The `iss` that a token must have. */
  readonly issuer: string;
  /** The `aud` that a token must have, or the ones of which it must have one: this gateway. */
  readonly audience: string | readonly string[];
  /**
   * The algorithms that are taken. Default with `secret` HS256, with `publicKey` those of such a key, with `jwksUrl` RS,
   * PS and ES 256 to 512 and EdDSA. Never `none`; never HS with a public key.
   */
  readonly algorithms?: readonly string[];
  /** How far the clocks may be apart, in seconds; default 5. */
  readonly clockToleranceSeconds?: number;
  /**
   * Whom a token stands for, and what that caller may do. Default: `sub` is the name, the claims are the metadata, and
   * everything is allowed. A `GatewayError` that it throws refuses the call; anything else fails it.
   */
  readonly toCaller?: (claims: Claims) => Caller | Promise<Caller>;
};

/**
 * Recognises callers by the JSON Web Tokens of one issuer: what `auth` takes as `tokens`. A token must be signed and have
 * `iss`, `aud`, `exp` and `sub`. Rejects with `llm.auth.invalid_key`, or with `llm.auth.unavailable` where the issuer's keys
 * cannot be had. Throws a `TypeError` that names the option at fault.
 */
export function jwt(options: JwtOptions): TokenVerifier {
  const { issuer, clockToleranceSeconds = 5, toCaller = bySubject } = options;
  const audience = typeof options.audience === "string" ? [options.audience] : [...(options.audience ?? [])];
  if (!isText(issuer)) throw new TypeError("jwt: issuer must be a text.");
  if (audience.length === 0 || !audience.every(isText)) throw new TypeError("jwt: audience must be one text or more.");
  if (!(clockToleranceSeconds >= 0 && clockToleranceSeconds <= 300)) {
    throw new TypeError("jwt: clockToleranceSeconds must be a number from 0 to 300.");
  }
  const { key, algorithms } = keyOf(options, options.algorithms);
  const expected = {
    issuer,
    audience,
    algorithms: [...algorithms],
    clockTolerance: clockToleranceSeconds,
    requiredClaims: ["exp", "sub"],
  };
  return async (token) => {
    if (token.length > MAX_CHARS) throw invalid("The token is too long.");
    let payload: JWTPayload;
    try {
      ({ payload } = await jwtVerify(token, key, expected));
    } catch (thrown) {
      throw thrown instanceof GatewayError ? thrown : invalid(reason(thrown), thrown);
    }
    if (typeof payload.sub !== "string" || !SUBJECT.test(payload.sub))
      throw invalid("The token has no usable subject.");
    // The three claims were checked; all others are what the issuer says.
    return toCaller(payload as unknown as Claims);
  };
}

/** How long a token may be, in characters. */
const MAX_CHARS = 8192;
/** As long as OpenID Connect Core 1.0, section 2, allows, and fit for a log. */
const SUBJECT = /^\P{Cc}{1,255}$/u;

function isText(value: unknown): value is string {
  return typeof value === "string" && value !== "";
}

function bySubject(claims: Claims): Caller {
  return { name: claims.sub, metadata: claims };
}

/** What is said of a token: only what its signature has proven, and nothing of what it holds. */
function reason(error: unknown): string {
  if (error instanceof errors.JWTExpired) return "The token has expired.";
  if (!(error instanceof errors.JWTClaimValidationFailed)) return "The token is not valid.";
  if (error.claim === "nbf") return "The token is not valid yet.";
  if (error.reason === "missing") return "The token lacks a claim that is needed: iss, aud, exp and sub are.";
  return "The token is not meant for this gateway.";
}

function invalid(message: string, cause?: unknown): GatewayError {
  return new GatewayError("llm.auth.invalid_key", message, { cause });
}
