import assert from "node:assert/strict";
import { readFileSync } from "node:fs";
import type { LookupFunction } from "node:net";
import { setTimeout as sleep } from "node:timers/promises";
import { concurrency } from "@gatewright/core";
import { startFullBacklog } from "./full-backlog.ts";
import type { Lab, LabOptions } from "./lab.ts";
import { bothAt, startRawProvider } from "./raw-provider.ts";
import { both, row, type Seen } from "./row.ts";
import { counted, seen } from "./seen.ts";

const phase = "connect";

/** A target with a host name, whose look-up ends as is said. */
const named = (lookup: LookupFunction): LabOptions => ({
  primaryUrl: "http://provider.test/v1",
  connect: { timeout: 300, lookup },
  attempt: { completionMs: 4000 },
});

function failsWith(code: string): LookupFunction {
  return (host, _options, callback) => {
    queueMicrotask(() => callback(Object.assign(new Error(`getaddrinfo ${code} ${host}`), { code }), "", 0));
  };
}

both({ row: "1", phase, fault: "the host name does not exist" }, named(failsWith("ENOTFOUND")), async (lab) => {
  const answer = await lab.caller.ask("sim");
  assert.equal(counted(lab), 1);
  assert.ok(!answer.text.includes("provider.test"), "the host's name is shown");
  return answer;
});

both({ row: "2", phase, fault: "the name server is out of order" }, named(failsWith("EAI_AGAIN")), async (lab) => {
  const answer = await lab.caller.ask("sim");
  assert.equal(counted(lab), 1);
  return answer;
});

both({ row: "3", phase, fault: "the connection is refused" }, {}, async (lab) => {
  await lab.primary.close();
  const answer = await lab.caller.ask("sim");
  assert.equal(counted(lab), 1);
  return answer;
});

const nowhere: LookupFunction = (_host, options, callback) => {
  const addresses = ["127.0.0.1", "127.0.0.2"].map((address) => ({ address, family: 4 }));
  if (options.all) callback(null, addresses);
  else callback(null, "127.0.0.1", 4);
};

both(
  { row: "3, at each of several addresses", phase, fault: "the connection is refused" },
  { ...named(nowhere), primaryUrl: "http://provider.test:1/v1" },
  (lab) => lab.caller.ask("sim"),
);

/** As long as a connection may take in these labs, with what a loaded machine adds. */
const CONNECTED_MS = 2500;

bothAt(
  { row: "4", phase, fault: "nobody answers the attempt to connect" },
  startFullBacklog,
  { attempt: { completionMs: 4000 } },
  async (lab) => {
    const answer = await lab.caller.ask("sim");
    assert.ok(answer.durationMs < CONNECTED_MS, `it took ${answer.durationMs} ms`);
    assert.equal(counted(lab), 1);
    return seen(lab, answer);
  },
);

both(
  { row: "4, before that", phase, fault: "the name server never answers" },
  named(() => {}),
  async (lab) => {
    const answer = await lab.caller.ask("sim");
    assert.ok(answer.durationMs < CONNECTED_MS, `it took ${answer.durationMs} ms`);
    return answer;
  },
);

const certificate = (name: string): string =>
  readFileSync(new URL(`certificates/${name}.pem`, import.meta.url), "utf8");

/** A provider with a certificate, and a gateway that trusts who signed it, or does not. */
function withCertificate(label: string, name: string, trusted: boolean, fault: string, says: RegExp): void {
  const pem = certificate(name);
  bothAt(
    { row: label, phase, fault },
    () => startRawProvider({ tls: { key: pem, cert: pem } }),
    { connect: { timeout: 1000, ...(trusted && { ca: pem }) }, attempt: { completionMs: 4000 } },
    async (lab, provider) => {
      const answer = await lab.caller.ask("sim");
      if (!lab.log[0]?.tried.includes("backup")) assert.match(answer.text, says);
      const received = provider.connections.reduce((sum, connection) => sum + connection.received, 0);
      assert.equal(received, 0, "something was sent all the same");
      assert.equal(counted(lab), 1);
      return seen(lab, answer);
    },
  );
}

withCertificate("5", "expired", true, "the certificate has expired", /certificate that has expired/);
withCertificate("5, a wrong host", "another-host", true, "the certificate is of another host", /for another host/);
withCertificate(
  "5, signed by itself",
  "another-host",
  false,
  "nobody vouches for the certificate",
  /nobody vouches for/,
);

bothAt(
  { row: "6", phase, fault: "silence in the TLS handshake" },
  async () => {
    const silent = await startRawProvider({});
    return { ...silent, url: silent.url.replace("http:", "https:") };
  },
  { attempt: { completionMs: 4000 } },
  async (lab) => {
    const answer = await lab.caller.ask("sim");
    assert.ok(answer.durationMs < CONNECTED_MS, `it took ${answer.durationMs} ms`);
    assert.equal(counted(lab), 1);
    return seen(lab, answer);
  },
);

const full = { row: "7", phase, fault: "as many calls as may be are in flight at the target" };
const bounded = (): LabOptions => ({
  layers: [concurrency({ max: 1, per: "model", maxWaiting: 0 })],
  attempt: { completionMs: 4000 },
});

/** Asks while another call holds the only place. */
async function crowded(lab: Lab): Promise<Seen> {
  const first = lab.caller.start("sim+stall");
  while (lab.primary.open === 0) await sleep(5);
  const second = await lab.caller.ask("sim+stall");
  assert.equal(lab.primary.calls.length, 1, "the crowded target was asked");
  assert.equal(counted(lab), 0);
  if (second.status !== 200) assert.match(second.headers["retry-after"] ?? "", /^[1-9]\d*$/);
  const seenOfIt = seen(lab, second);
  first.leave();
  return seenOfIt;
}

row(full, bounded(), crowded);
row({ ...full, row: "7, with another target" }, { ...bounded(), backup: true }, crowded);
