import assert from "node:assert/strict";
import { test } from "node:test";
import { type AddressOf, addressGroup, addressRule, normalAddress } from "./address.ts";

const CALLER = "203.0.113.9";
const PROXY = "10.0.0.1";

const SAME: Readonly<Record<string, readonly string[]>> = {
  "192.0.2.1": [
    "192.0.2.1",
    "192.0.2.1:443",
    "::ffff:192.0.2.1",
    "::FFFF:192.0.2.1",
    "::ffff:c000:201",
    "::ffff:c000:0201",
    "0:0:0:0:0:ffff:192.0.2.1",
    "0000:0000:0000:0000:0000:FFFF:C000:0201",
    "[::ffff:192.0.2.1]:443",
    "[::ffff:c000:201]",
  ],
  "255.0.1.255": ["255.0.1.255:1", "::ffff:ff00:1ff"],
  "0.0.0.0": ["0.0.0.0", "::ffff:0:0"],
  "2001:db8::1": [
    "2001:db8::1",
    "2001:DB8::1",
    "2001:0db8:0000:0000:0000:0000:0000:0001",
    "2001:db8:0:0:0:0:0:1",
    "[2001:db8::1]",
    "[2001:db8::1]:65535",
    "[2001:db8::1%eth0]:443",
    "2001:db8::1%eth0",
  ],
  "fe80::1": ["fe80::1%eth0", "fe80::1%0", "[fe80::1%25eth0]"],
  "::1": ["::1", "0:0:0:0:0:0:0:1", "[::1]:80"],
  "::": ["::", "0::0"],
};

for (const [normal, spellings] of Object.entries(SAME)) {
  test(`${normal} is one address, however it is written`, () => {
    for (const text of spellings) assert.equal(normalAddress(text), normal, text);
  });
}

test("what only looks like an IPv4 address in IPv6 is another address", () => {
  for (const text of ["::192.0.2.1", "::fffe:192.0.2.1", "::ffff:0:192.0.2.1", "1::ffff:192.0.2.1"]) {
    assert.match(normalAddress(text) ?? "", /:/, text);
  }
});

const NONSENSE = [
  "",
  " ",
  "unknown",
  "_hidden",
  "localhost",
  "example.com:80",
  "192.0.2",
  "192.0.2.256",
  "192.0.2.01",
  "192.0.2.1:",
  "192.0.2.1:port",
  "192.0.2.1:123456",
  " 192.0.2.1",
  "192.0.2.1 ",
  "192.0.2.1\n",
  "192.0.2.1/24",
  "0x7f.1",
  "2130706433",
  "2001:db8:::1",
  "2001:db8::g",
  "1:2:3:4:5:6:7:8:9",
  "[2001:db8::1",
  "2001:db8::1]",
  "[2001:db8::1]443",
  "[2001:db8::1]:",
  "[[::1]]",
  "[]",
  "[]:80",
  "%",
  "%eth0",
  ":",
  ":80",
  "::ffff:192.0.2.256",
  "http://192.0.2.1",
  "192.0.2.1, 192.0.2.2",
  "::1%a\nb",
];

test("what is no address is none, and belongs to one group", () => {
  for (const text of NONSENSE) {
    assert.equal(normalAddress(text), undefined, JSON.stringify(text));
    assert.equal(addressGroup(text), "unknown", JSON.stringify(text));
  }
  assert.equal(addressGroup(undefined), "unknown");
});

test("a text that is too long is no address", () => {
  const zone = "a".repeat(100);
  for (const text of [`::1%${zone}`, ":".repeat(1e6), "1".repeat(1e6), `[${"[".repeat(1e6)}`, `192.0.2.1:${zone}`]) {
    assert.equal(normalAddress(text), undefined);
    assert.equal(addressGroup(text), "unknown");
  }
  const longest = "[0000:0000:0000:0000:0000:ffff:192.168.100.200%eth0]:65535";
  assert.equal(normalAddress(longest), "192.168.100.200");
});

const GROUPS: Readonly<Record<string, readonly string[]>> = {
  "2001:db8:0:0::/64": ["2001:db8::1", "2001:db8::", "2001:db8::ffff:ffff:ffff:ffff", "[2001:db8:0:0:1::]:80"],
  "2001:db8:1:2::/64": ["2001:db8:1:2::", "2001:db8:1:2:3:4:5:6", "2001:0DB8:0001:0002:ffff::1%eth0"],
  "2001:db8:0:1::/64": ["2001:db8:0:1::1", "2001:db8:0:1:1:1:1:1"],
  "0:0:0:0::/64": ["::1", "::", "::1:2:3:4"],
  "0:0:0:5::/64": ["::5:0:0:0:1", "0:0:0:5:1:2:3:4"],
  "1:0:0:0::/64": ["1::", "1:0:0:0:5:6:7:8"],
  "192.0.2.1": ["192.0.2.1", "192.0.2.1:80", "::ffff:192.0.2.1", "::ffff:c000:201"],
  "192.0.2.2": ["192.0.2.2"],
};

test("what has the same first 64 bits of IPv6 is counted together, and each IPv4 address apart", () => {
  for (const [group, addresses] of Object.entries(GROUPS)) {
    for (const address of addresses) assert.equal(addressGroup(address), group, address);
  }
});

test("without trusted proxies the header means nothing", () => {
  const rule = addressRule([]);
  const headers = { "x-forwarded-for": CALLER };
  assert.equal(rule(PROXY, headers), PROXY);
  assert.equal(rule("::ffff:10.0.0.1", headers), PROXY);
  assert.equal(rule("127.0.0.1", headers), "127.0.0.1");
  assert.equal(rule(undefined, headers), undefined);
  assert.equal(rule("a pipe", headers), "a pipe");
});

const TRUSTED: readonly (readonly [entry: string, proxies: readonly string[], others: readonly string[]])[] = [
  ["10.0.0.1", ["10.0.0.1", "::ffff:10.0.0.1", "::ffff:a00:1"], ["10.0.0.2", "::1"]],
  ["10.0.0.0/8", ["10.0.0.0", "10.255.255.255", "::ffff:10.9.9.9"], ["11.0.0.0", "9.255.255.255"]],
  ["10.0.0.0/31", ["10.0.0.0", "10.0.0.1"], ["10.0.0.2"]],
  ["10.0.0.1/32", ["10.0.0.1"], ["10.0.0.0", "10.0.0.2"]],
  ["128.0.0.0/1", ["128.0.0.0", "255.255.255.255"], ["127.255.255.255"]],
  ["2001:db8::/32", ["2001:db8::1", "2001:db8:ffff::", "2001:0DB8::2%eth0"], ["2001:db9::", "10.0.0.1"]],
  ["2001:db8::1", ["2001:db8::1", "2001:db8:0:0:0:0:0:1"], ["2001:db8::2"]],
  ["::ffff:10.0.0.1", ["10.0.0.1", "::ffff:10.0.0.1"], ["10.0.0.2"]],
  ["loopback", ["127.0.0.1", "127.255.0.3", "::1", "::ffff:127.0.0.1"], ["126.0.0.1", "::2", "10.0.0.1"]],
];

for (const [entry, proxies, others] of TRUSTED) {
  test(`the trusted proxy ${entry} is believed, and nobody else`, () => {
    const rule = addressRule(["198.51.100.1", entry]);
    const headers = { "x-forwarded-for": CALLER };
    for (const peer of proxies) assert.equal(rule(peer, headers), CALLER, peer);
    for (const peer of others) assert.equal(rule(peer, headers), normalAddress(peer), peer);
  });
}

test("what a caller claims before what the proxies wrote is not believed", () => {
  assert.equal(behind("198.51.100.66, 203.0.113.9"), CALLER);
  assert.equal(behind("10.0.0.7, 127.0.0.1, 203.0.113.9, 10.0.0.2"), CALLER);
  assert.equal(behind("evil, , 203.0.113.9"), CALLER);
  assert.equal(behind("198.51.100.66,203.0.113.9,10.0.0.3 ,\t10.0.0.2 "), CALLER);
});

test("proxies are passed from the end of the header to the first address that is none of theirs", () => {
  assert.equal(behind("203.0.113.9"), CALLER);
  assert.equal(behind("203.0.113.9, 10.0.0.3, 10.0.0.2"), CALLER);
  assert.equal(behind("203.0.113.9:4711, [::ffff:10.0.0.2]:80"), CALLER);
  assert.equal(behind("[2001:DB8::1]:443"), "2001:db8::1");
});

test("where all are trusted proxies the first of them calls", () => {
  assert.equal(behind("10.0.0.3, 10.0.0.2"), "10.0.0.3");
  assert.equal(behind(",10.0.0.3"), "10.0.0.3");
  assert.equal(behind("10.0.0.3"), "10.0.0.3");
});

test("without the header, or with an empty one, the proxy itself calls", () => {
  assert.equal(addressRule([PROXY])(PROXY, {}), PROXY);
  for (const header of ["", " ", ",", ",,,"]) assert.equal(behind(header), PROXY, header);
});

test("an entry that is no address ends the walk at the proxy that wrote it", () => {
  assert.equal(behind("203.0.113.9, unknown"), PROXY);
  assert.equal(behind("203.0.113.9, unknown, 10.0.0.2"), "10.0.0.2");
  assert.equal(behind("203.0.113.9,, 10.0.0.2"), "10.0.0.2");
  assert.equal(behind(`203.0.113.9, ${"1".repeat(1000)}, 10.0.0.2`), "10.0.0.2");
});

test("a peer that is no trusted proxy speaks for itself", () => {
  const rule = addressRule(["10.0.0.0/8"]);
  assert.equal(rule("198.51.100.1", { "x-forwarded-for": CALLER }), "198.51.100.1");
  assert.equal(rule("::ffff:198.51.100.1", { "x-forwarded-for": "10.0.0.2" }), "198.51.100.1");
});

test("a peer whose address is not known has none, whatever the header says", () => {
  const rule = addressRule(["loopback"]);
  assert.equal(rule(undefined, { "x-forwarded-for": CALLER }), undefined);
  assert.equal(rule("a pipe", { "x-forwarded-for": CALLER }), "a pipe");
});

test("a header of a thousand entries is read from its end", () => {
  const claimed = Array.from({ length: 1000 }, (_, at) => `198.51.100.${at % 256}`);
  assert.equal(behind([...claimed, CALLER].join(", ")), CALLER);
  assert.equal(behind([...claimed, CALLER, "10.0.0.3", "10.0.0.2"].join(", ")), CALLER);
  // More proxies than there are: whoever it is, it is one that is trusted, and nobody who is only claimed.
  const proxies = Array.from({ length: 1000 }, (_, at) => `10.0.1.${at % 256}`);
  assert.match(behind([CALLER, ...proxies].join(", ")) ?? "", /^10\.0\.1\./);
  assert.equal(behind(`${CALLER}${",".repeat(1e6)}`), PROXY);
});

const BAD = [
  "",
  " ",
  "evil",
  "10.0.0.0/",
  "10.0.0.0/33",
  "10.0.0.0/0",
  "0.0.0.0/0",
  "::/0",
  "10.0.0.0/-1",
  "10.0.0.0/8.5",
  "10.0.0.0/eight",
  "10.0.0.0/1e1",
  "10.0.0.0/8/8",
  "/8",
  "2001:db8::/129",
  "10.0.0.1:80",
  "[::1]",
  "10.0.0.0-10.0.0.9",
  "10.0.0.1, 10.0.0.2",
  " 10.0.0.1",
  "Loopback",
  "constructor",
  "toString",
  "__proto__",
];

for (const entry of BAD) {
  test(`the trusted proxy ${JSON.stringify(entry)} is refused by name`, () => {
    assert.throws(
      () => addressRule(["loopback", entry]),
      (thrown) =>
        thrown instanceof TypeError && thrown.message.startsWith(`trustedProxies: ${JSON.stringify(entry)} is`),
    );
  });
}

/** Who calls, behind proxies of `10.0.0.0/8`. */
function behind(header: string, rule: AddressOf = addressRule(["10.0.0.0/8"])): string | undefined {
  return rule(PROXY, { "x-forwarded-for": header });
}
