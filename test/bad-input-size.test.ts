import assert from "node:assert/strict";
import { createServer, type Server } from "node:http";
import { Readable, type Transform } from "node:stream";
import { buffer } from "node:stream/consumers";
import { suite, test } from "node:test";
import { setTimeout } from "node:timers/promises";
import { constants, createBrotliCompress, createDeflate, createGzip, createZstdCompress } from "node:zlib";
import { type Code, type Gateway, type GatewayOptions, gateway, toNode } from "@gatewright/core";
import { toExpress } from "@gatewright/express";
import { openai } from "@gatewright/providers";
import express from "express";
import { listen } from "./listen.ts";
import { memoryRise } from "./memory-rise.ts";
import { exchange, head, type RawAnswer, RawConnection, refusal, startUpstream } from "./raw-http.ts";

// Bad inputs 20, 43 to 46, 49 and 69: bodies that are too large, too slow, or too much once they are unpacked.

const MB = 1024 * 1024;
/** How often what must be reliable is tried. */
const ROUNDS = 20;

const completion = {
  object: "chat.completion",
  choices: [{ index: 0, message: { role: "assistant", content: "ok" }, finish_reason: "stop" }],
};

const JSON_TYPE = "content-type: application/json";
const CHUNKED = "transfer-encoding: chunked";
const length = (bytes: number): string => `content-length: ${bytes}`;
const good = JSON.stringify({ model: "m", messages: [{ role: "user", content: "Hi" }] });
const piece = Buffer.alloc(MB, "x");
const large = Buffer.alloc(30 * MB, "x");
const largeInChunks = Buffer.concat([chunk(large), Buffer.from("0\r\n\r\n")]);

/** A body of 100 MB in each encoding, packed in pieces so that it was never in memory as a whole. */
const bombs: Readonly<Record<string, Buffer>> = {
  gzip: await pack(createGzip()),
  deflate: await pack(createDeflate()),
  br: await pack(createBrotliCompress({ params: { [constants.BROTLI_PARAM_QUALITY]: 3 } })),
  zstd: await pack(createZstdCompress()),
};

const hosts: Readonly<Record<string, (gateway: Gateway) => Server>> = {
  toNode: (gateway) => createServer(toNode(gateway)),
  "Express 5": (gateway) => createServer(express().use("/v1", toExpress(gateway))),
};

for (const [host, mount] of Object.entries(hosts)) {
  suite(host, { timeout: 60_000 }, () => {
    /** Bad input for a gateway of its own: the provider never hears of it, and a good call passes afterwards. */
    const bad = (name: string, run: (port: number) => Promise<void>, options: GatewayOptions = {}): void => {
      test(`bad input ${name}`, { timeout: 15_000 }, async () => {
        const upstream = await startUpstream(completion);
        const server = await listen(mount(gateway(openai({ baseUrl: `${upstream.url}/v1` }), options)));
        try {
          await run(server.port);
          assert.deepEqual(upstream.received, [], "the provider was called");
          assert.equal((await exchange(server.port, { body: good })).status, 200);
          assert.deepEqual(upstream.received, [good]);
        } finally {
          await server.close();
          await upstream.close();
        }
      });
    };

    const slow = (connection: RawConnection): Promise<void> => isRefused(connection, 408, "llm.request.timeout");
    const tooLarge = (connection: RawConnection): Promise<void> => isRefused(connection, 413, "llm.request.too_large");

    // These wait most of their time, so they wait together.
    suite("callers who wait", { concurrency: true }, () => {
      const silent = async (port: number): Promise<void> => {
        const connection = new RawConnection(port);
        connection.send(`${head({ headers: [JSON_TYPE, length(1000)] })}{"a`);
        await slow(connection);
      };
      bad("20: a body shorter than announced, then silence", silent, { bodyTimeoutMs: 100 });

      const trickling = async (port: number): Promise<void> => {
        const connection = new RawConnection(port);
        connection.send(head({ headers: [JSON_TYPE, CHUNKED] }));
        const trickle = setInterval(() => connection.send(chunk(Buffer.from(" "))), 10);
        await connection.answer().finally(() => clearInterval(trickle));
        await slow(connection);
      };
      bad("69: a body that trickles in", trickling, { bodyTimeoutMs: 100 });

      // The rest of the body never comes, so an answer is one that did not wait for it.
      for (const [row, bytes] of [[43, 30 * MB] as const, [43, 10 * MB + 1] as const, [45, 99_999_999_999] as const]) {
        bad(`${row}: ${bytes} bytes announced, three of them sent`, async (port) => {
          const connection = new RawConnection(port);
          connection.send(`${head({ headers: [JSON_TYPE, length(bytes)] })}{"a`);
          await tooLarge(connection);
        });
      }

      bad("44: chunks over the limit, then silence", async (port) => {
        const connection = new RawConnection(port);
        connection.send(head({ headers: [JSON_TYPE, CHUNKED] }));
        for (let sent = 0; sent <= 10; sent++) connection.send(chunk(piece));
        await tooLarge(connection);
      });

      bad("44: chunks without an end", async (port) => {
        const connection = new RawConnection(port);
        connection.send(head({ headers: [JSON_TYPE, CHUNKED] }));
        let heard = false;
        const answer = connection.answer().finally(() => {
          heard = true;
        });
        while (!heard && (await connection.send(chunk(piece))));
        await answer;
        await tooLarge(connection);
      });

      bad("43: callers who are gone in the middle", async (port) => {
        for (const bytes of [1000, 30 * MB]) {
          const connection = new RawConnection(port);
          await connection.send(`${head({ headers: [JSON_TYPE, length(bytes)] })}{"a`);
          if (bytes > 1000) await connection.answer();
          connection.reset();
          await connection.closed;
        }
      });

      bad("43: 30 MB from a slow caller who listens only then", async (port) => {
        const connection = new RawConnection(port);
        connection.deafen();
        connection.send(head({ headers: [JSON_TYPE, length(large.length)] }));
        for (let sent = 0; sent < 30; sent++) {
          await connection.send(piece);
          await setTimeout(30);
        }
        connection.hear();
        await tooLarge(connection);
      });
    });

    bad(`43: 30 MB sent by fetch, ${ROUNDS} times`, async (port) => {
      for (let round = 0; round < ROUNDS; round++) {
        const answer = await fetch(`http://127.0.0.1:${port}/v1/chat/completions`, {
          method: "POST",
          headers: { "content-type": "application/json" },
          body: large,
        });
        assert.equal(answer.status, 413);
        assert.match(await answer.text(), /llm\.request\.too_large/);
      }
    });

    for (const [framing, body] of [[length(large.length), large] as const, [CHUNKED, largeInChunks] as const]) {
      bad(`43: 30 MB with ${framing} from a caller who listens only then, ${ROUNDS} times`, async (port) => {
        for (let round = 0; round < ROUNDS; round++) {
          const connection = new RawConnection(port);
          connection.deafen();
          connection.send(head({ headers: [JSON_TYPE, framing] }));
          await connection.send(body);
          connection.hear();
          await tooLarge(connection);
        }
      });
    }

    for (const [encoding, body] of Object.entries(bombs)) {
      bad(`46: a bomb of 100 MB in ${Math.ceil(body.length / 1024)} KB of ${encoding}`, async (port) => {
        const { bytes: rise } = await memoryRise(async () => {
          const headers = [JSON_TYPE, `content-encoding: ${encoding}`];
          assertRefusal(await exchange(port, { headers, body }), 413, "llm.request.too_large");
        });
        assert.ok(rise < 50 * MB, `memory rose by ${Math.round(rise / MB)} MB`);
      });
    }
  });
}

test("bad input 49: a limit that is none refuses to start", () => {
  for (const value of ["10mbb", "10mb", Number.NaN, Number.POSITIVE_INFINITY, 0, -1, 1.5]) {
    for (const name of ["maxBodyBytes", "bodyTimeoutMs", "keepAliveMs"]) {
      assert.throws(() => gateway(openai(), { [name]: value }), { name: "TypeError", message: new RegExp(name) });
    }
    // As it comes from the environment or a file, past the types.
    const maxResponseBytes = value as number;
    if (value === Number.POSITIVE_INFINITY || value === 1.5) continue;
    assert.throws(() => openai({ maxResponseBytes }), { name: "TypeError", message: /maxResponseBytes/ });
  }
});

test("bad input 49: a time that no timer holds refuses to start, or is kept", async () => {
  const upstream = await startUpstream(completion);
  let mounted: Gateway;
  try {
    mounted = gateway(openai({ baseUrl: `${upstream.url}/v1` }), { bodyTimeoutMs: 2 ** 31 });
  } catch {
    return upstream.close();
  }
  const server = await listen(createServer(toNode(mounted)));
  const connection = new RawConnection(server.port);
  await connection.send(head({ headers: [JSON_TYPE, length(good.length)] }));
  // Longer than the 1 ms to which Node cuts a timer that is too long.
  await setTimeout(50);
  connection.send(good);
  assert.equal((await connection.answer()).status, 200);
  connection.close();
  await server.close();
  await upstream.close();
});

/** Expects an answer, and then the end of the connection. */
async function isRefused(connection: RawConnection, status: number, code: Code): Promise<void> {
  try {
    assertRefusal(await connection.answer(), status, code);
    await connection.closed;
  } finally {
    connection.close();
  }
}

function assertRefusal(answer: RawAnswer, status: number, code: Code): void {
  assert.equal(answer.status, status, answer.text);
  assert.equal(refusal(answer, "xxxx").code, code);
}

function chunk(bytes: Uint8Array): Buffer {
  return Buffer.concat([Buffer.from(`${bytes.length.toString(16)}\r\n`), bytes, Buffer.from("\r\n")]);
}

async function pack(compressor: Transform): Promise<Buffer> {
  const start = Buffer.from('{"model":"m","messages":[{"role":"user","content":"');
  return buffer(
    Readable.from([start, ...Array.from({ length: 100 }, () => piece), Buffer.from('"}]}')]).pipe(compressor),
  );
}
