import assert from "node:assert/strict";
import { createServer } from "node:http";
import { after, before, test } from "node:test";
import { auth, caller, compose, gateway, rateLimit, textReply, toNode } from "@gatewright/core";
import { jwt } from "@gatewright/jwt";
import { exportJWK, generateKeyPair, SignJWT } from "jose";
import OpenAI, { AuthenticationError, PermissionDeniedError, RateLimitError } from "openai";
import { type ListeningServer, listen } from "./listen.ts";

// Callers with tokens of an issuer, whose keys are on another port, call through the OpenAI SDK.

const issuer = "https://login.example.com/";
const { publicKey, privateKey } = await generateKeyPair("ES256", { extractable: true });
let keys: ListeningServer;
let server: ListeningServer;

before(async () => {
  const key = { ...(await exportJWK(publicKey)), kid: "one", alg: "ES256" };
  keys = await listen(createServer((_, response) => void response.end(JSON.stringify({ keys: [key] }))));
  const tokens = jwt({
    issuer,
    audience: "llm-gateway",
    jwksUrl: `${keys.url}/keys`,
    toCaller: ({ sub, models }) => ({
      name: sub,
      ...(Array.isArray(models) && { models: models.map(String) }),
    }),
  });
  const who = auth({ tokens, keys: [{ name: "alice", key: "a-key-that-is-no-token" }] });
  const pipeline = compose(
    [who, rateLimit({ limits: [{ requests: 2, windowMs: 60_000 }] })],
    async ({ call, model }) => {
      const known = call.context.get(caller);
      return textReply(`${known?.kind ?? "key"} ${known?.name}`, { model });
    },
  );
  server = await listen(createServer(toNode(gateway(pipeline, { admit: who.check }))));
});
after(async () => {
  await server.close();
  await keys.close();
});

function sign(claims: Record<string, unknown>, expires = "1m", audience = "llm-gateway"): Promise<string> {
  return new SignJWT(claims)
    .setProtectedHeader({ alg: "ES256", kid: "one" })
    .setIssuer(issuer)
    .setAudience(audience)
    .setExpirationTime(expires)
    .sign(privateKey);
}

async function ask(apiKey: string, model = "m"): Promise<string | null | undefined> {
  const client = new OpenAI({ baseURL: `${server.url}/v1`, apiKey, maxRetries: 0 });
  const { choices } = await client.chat.completions.create({
    model,
    messages: [{ role: "user", content: "Who am I?" }],
  });
  return choices[0]?.message.content;
}

test("a token names its caller, a key its own, and one of the same name is another", async () => {
  assert.equal(await ask(await sign({ sub: "bob" })), "token bob");
  assert.equal(await ask("a-key-that-is-no-token"), "key alice");
  assert.equal(await ask(await sign({ sub: "alice" })), "token alice");
});

test("each token of a caller counts for the same limit", async () => {
  await ask(await sign({ sub: "carol" }));
  await ask(await sign({ sub: "carol", jti: "another" }));
  await assert.rejects(ask(await sign({ sub: "carol" })), RateLimitError);
});

test("a token that is expired, for others or not signed by the issuer is a 401, and a model that it may not use a 403", async () => {
  const [head = "", body = ""] = (await sign({ sub: "bob" })).split(".");
  for (const token of [
    await sign({ sub: "bob" }, "-1m"),
    await sign({ sub: "bob" }, "1m", "others"),
    await sign({}),
    `${head}.${body}.`,
    `${Buffer.from('{"alg":"none"}').toString("base64url")}.${body}.`,
  ]) {
    await assert.rejects(ask(token), AuthenticationError, token);
  }
  const limited = await sign({ sub: "dave", models: ["gpt-4o-mini"] });
  assert.equal(await ask(limited, "gpt-4o-mini"), "token dave");
  await assert.rejects(ask(limited, "gpt-4o"), PermissionDeniedError);
});
