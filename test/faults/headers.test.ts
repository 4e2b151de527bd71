import assert from "node:assert/strict";
import type { Ask } from "./caller.ts";
import type { Lab } from "./lab.ts";
import { completion, httpAnswer, rowAt, startRawProvider } from "./raw-provider.ts";
import { both, row, tell } from "./row.ts";
import { counted, seen, told } from "./seen.ts";
import { until } from "./until.ts";

const phase = "headers";

/** Once the provider's connections are closed, which they are a moment after the answer. */
function closed(lab: Lab): Promise<void> {
  return until(() => lab.primary.connections === 0, "the connection is closed");
}

for (const stream of [false, true]) {
  both({ row: stream ? "11, a stream" : "11", phase, fault: "no headers until the timeout" }, {}, async (lab) => {
    const answer = await lab.caller.ask("sim+stall=headers", { stream });
    assert.equal(lab.primary.calls.length, 1, "the silent target was asked again");
    await closed(lab);
    assert.equal(lab.primary.calls[0]?.outcome, "aborted");
    return answer;
  });
}

row(
  { row: "12", phase, fault: "the wait before the next try would end after the deadline" },
  { call: { totalMs: 1500 } },
  async (lab) => {
    const answer = await lab.caller.ask("sim+status=503+retry-after=2");
    assert.ok(answer.durationMs < 1000, `it waited all the same: ${answer.durationMs} ms`);
    assert.equal(answer.headers["retry-after"], "2");
    return seen(lab, answer);
  },
);

both({ row: "13", phase, fault: "a 103 before the answer" }, {}, (lab) => lab.caller.ask("sim+early-hints"));

for (const [label, directive, fault] of [
  ["14", "bad-status-line", "a status line that is none"],
  ["14, in a header", "bad-header", "a line among the headers that is none"],
] as const) {
  both({ row: label, phase, fault }, {}, async (lab) => {
    const answer = await lab.caller.ask(`sim+${directive}`);
    await closed(lab);
    assert.equal(counted(lab), 1);
    assert.match(lab.log[0]?.tried ?? "", /^primary `llm.provider.bad_response`/, "it was reached, but spoke no HTTP");
    return answer;
  });
}

both({ row: "15", phase, fault: "64 KiB of headers" }, {}, async (lab) => {
  const answer = await lab.caller.ask("sim+headers=65536");
  await closed(lab);
  assert.equal(counted(lab), 1);
  return answer;
});

/** What the system itself takes in on the way, on both sides: the gateway cannot help it. */
const ON_THE_WAY = 16 * 1024 * 1024;

rowAt(
  { row: "15, without end", phase, fault: "headers that do not end" },
  () =>
    startRawProvider({
      request(socket) {
        socket.write("HTTP/1.1 200 OK\r\n");
        const line = Buffer.from(`x-filler: ${"x".repeat(8180)}\r\n`);
        const more = (): void => {
          while (!socket.destroyed && socket.bytesWritten < 10 * ON_THE_WAY && socket.write(line));
        };
        socket.on("drain", more);
        more();
      },
    }),
  { retry: { retries: 0 } },
  async (lab, provider) => {
    const answer = await lab.caller.ask("raw");
    const [first] = provider.connections;
    assert.ok(first);
    await until(() => first.socket.closed, "the connection is closed");
    assert.ok(first.socket.bytesWritten < ON_THE_WAY, `${first.socket.bytesWritten} bytes of headers were read`);
    return seen(lab, answer);
  },
);

/** A call that says something of its own, so that an answer to another shows. */
function saying(word: string): Ask {
  return { body: { messages: [{ role: "user", content: word }] } };
}

row({ row: "16", phase, fault: "a second answer follows, which nobody asked for" }, {}, async (lab) => {
  const answers = [];
  for (const word of ["alpha", "beta", "gamma"]) {
    const answer = await lab.caller.ask("sim+unsolicited", saying(word));
    assert.match(answer.content, new RegExp(word), "an answer that was for nobody, or for another");
    answers.push(tell(answer));
    await closed(lab);
  }
  return { done: told(lab.log.map(({ tried }) => tried)), back: told(answers) };
});

rowAt(
  { row: "16, in the same packet", phase, fault: "the second answer comes in one piece with the first" },
  () =>
    startRawProvider({
      request(socket, _request, connection) {
        const asked = httpAnswer(200, completion(`for call ${connection}`));
        socket.write(asked + httpAnswer(200, completion("for nobody")));
      },
    }),
  {},
  async (lab, provider) => {
    const answers = [];
    for (const nth of [1, 2, 3]) {
      const answer = await lab.caller.ask("raw");
      assert.equal(answer.content, `for call ${nth}`);
      answers.push(tell(answer));
    }
    assert.equal(provider.connections.length, 3, "the connection was used again");
    return { done: told(lab.log.map(({ tried }) => tried)), back: told(answers) };
  },
);

row({ row: "16, among many calls", phase, fault: "the same with 40 calls, 8 at a time" }, {}, async (lab) => {
  let next = 0;
  const caller = async (): Promise<void> => {
    while (next < 40) {
      const nth = next++;
      const model = nth % 2 === 0 ? "sim+unsolicited" : "sim";
      const answer = await lab.caller.ask(model, saying(`word${nth}.`));
      assert.equal(tell(answer), "200, whole answer");
      assert.ok(answer.content.includes(`word${nth}.`), `call ${nth} got ${answer.content}`);
    }
  };
  await Promise.all(Array.from({ length: 8 }, caller));
  const tries = new Set(lab.log.map(({ tried }) => tried));
  return { done: [...tries].join("; "), back: "each its own whole answer" };
});

for (const status of [302, 307]) {
  const label = status === 302 ? "17" : `17, ${status}`;
  both({ row: label, phase, fault: `${status} to an internal host` }, {}, async (lab) => {
    const answer = await lab.caller.ask(`sim+status=${status}+redirect=${lab.backup.url}/internal`);
    assert.equal(lab.primary.calls.length, 1);
    const paths = lab.backup.calls.map(({ path }) => path);
    assert.ok(!paths.includes("/v1/internal"), "the redirect was followed");
    for (const { headers } of lab.backup.calls) assert.equal(headers.authorization, undefined, "the key was sent");
    return answer;
  });
}
