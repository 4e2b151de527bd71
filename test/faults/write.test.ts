import assert from "node:assert/strict";
import type { Socket } from "node:net";
import type { LabOptions } from "./lab.ts";
import { completion, errorBody, httpAnswer, type RawProvider, rowAt, startRawProvider } from "./raw-provider.ts";
import { seen, told } from "./seen.ts";
import { until } from "./until.ts";

const phase = "write";

/** Answers the first request on each connection and resets it at the second; the first `together` wait for each other. */
function resetsWhatIsReused(together: number): () => Promise<RawProvider> {
  return () => {
    const waiting: Socket[] = [];
    let answered = 0;
    return startRawProvider({
      request(socket, request) {
        if (request > 1) return void socket.resetAndDestroy();
        waiting.push(socket);
        if (answered + waiting.length < together) return;
        for (const each of waiting.splice(0)) {
          answered++;
          each.write(httpAnswer(200, completion("Hello")));
        }
      },
    });
  };
}

rowAt(
  { row: "8", phase, fault: "a connection that was kept is reset at the next call, before any answer" },
  resetsWhatIsReused(1),
  {},
  async (lab, provider) => {
    const first = await lab.caller.ask("raw");
    const second = await lab.caller.ask("raw");
    assert.equal(second.headers["x-gateway-attempts"], "2");
    assert.equal(provider.connections.length, 2, "the second try was not on a fresh connection");
    assert.deepEqual(
      provider.connections.map(({ requests }) => requests),
      [2, 1],
    );
    const calls = lab.log.map(({ tried }) => tried);
    return { done: told(calls), back: told([seen(lab, first).back, seen(lab, second).back]) };
  },
);

rowAt(
  { row: "8, of several kept", phase, fault: "three connections were kept, and each is reset at the next call" },
  resetsWhatIsReused(3),
  {},
  async (lab, provider) => {
    await Promise.all([1, 2, 3].map(() => lab.caller.ask("raw")));
    assert.equal(provider.connections.length, 3);
    const answer = await lab.caller.ask("raw");
    assert.equal(answer.headers["x-gateway-attempts"], "2", "the second try was not on a fresh connection");
    return seen(lab, answer);
  },
);

/** A body that neither a socket nor the system takes in one piece. */
const LARGE = { messages: [{ role: "user", content: "x".repeat(8_000_000) }] };
const patient: LabOptions = { attempt: { completionMs: 6000 }, call: { totalMs: 12_000 } };

rowAt(
  { row: "9", phase, fault: "the connection is reset in the middle of the request's body" },
  () =>
    startRawProvider({
      bytes: (socket, received, connection) =>
        void (connection === 1 && received > 100_000 && socket.resetAndDestroy()),
      request: (socket) => void socket.write(httpAnswer(200, completion("Hello"))),
    }),
  patient,
  async (lab, provider) => {
    const answer = await lab.caller.ask("raw", { body: LARGE });
    assert.equal(answer.headers["x-gateway-attempts"], "2");
    assert.equal(provider.connections[0]?.requests, 0, "the first request arrived whole");
    assert.equal(provider.connections[1]?.requests, 1, "the body was not sent again as a whole");
    return seen(lab, answer);
  },
);

for (const [status, label] of [
  [413, "10"],
  [401, "10, of the key"],
] as const) {
  rowAt(
    { row: label, phase, fault: `${status} while the request's body is still being sent` },
    () =>
      startRawProvider({
        bytes(socket, _received, connection) {
          // Of the first request it reads no more than its beginning.
          if (connection > 1 || socket.isPaused()) return;
          socket.pause();
          socket.write(httpAnswer(status, errorBody("Go no further.")));
        },
        request: (socket, _request, connection) => {
          if (connection > 1) socket.write(httpAnswer(200, completion("Hello")));
        },
      }),
    patient,
    async (lab, provider) => {
      const early = await lab.caller.ask("raw", { body: LARGE });
      assert.ok(early.durationMs < 4000, "the answer was read only after the body was sent");
      const [first] = provider.connections;
      const next = await lab.caller.ask("raw");
      assert.equal(provider.connections.length, 2, "a connection in the middle of a body was used again");
      // Its end is seen only once the rest of what had been sent is read.
      first?.socket.resume();
      await until(() => first?.socket.closed === true, "the connection is closed");
      assert.equal(first?.requests, 0, "the body was sent to its end");
      const calls = lab.log.map(({ tried }) => tried);
      return { done: told(calls), back: told([seen(lab, early).back, seen(lab, next).back]) };
    },
  );
}
