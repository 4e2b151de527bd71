import { BlockList, isIP, isIPv4 } from "node:net";

/**
 * An address as it is written in one way only: without port, brackets and zone; IPv4 in IPv6 (`::ffff:192.0.2.1`, RFC
 * 4291, section 2.5.5.2) as IPv4. `undefined` for what is no address.
 */
export function normalAddress(text: string): string | undefined {
  // Most are, and need no more.
  if (isIPv4(text)) return text;
  if (text.length > MAX_CHARS) return undefined;
  const bare = /^\[([^\]]*)\](?::\d{1,5})?$/.exec(text)?.[1] ?? /^([\d.]+):\d{1,5}$/.exec(text)?.[1] ?? text;
  const address = bare.replace(/%.*$/, "");
  const version = isIP(address);
  if (version !== 6) return version === 4 ? address : undefined;
  // A URL writes an address as RFC 5952 does, but for IPv4 in it.
  const short = new URL(`http://[${address}]`).hostname.slice(1, -1);
  const mapped = /^::ffff:([\da-f]+):([\da-f]+)$/.exec(short);
  return mapped ? [mapped[1], mapped[2]].map(twoBytes).join(".") : short;
}

function twoBytes(group = "0"): string {
  const value = Number.parseInt(group, 16);
  return `${value >> 8}.${value & 255}`;
}

/** What of an address is counted together: an IPv4 address, and of IPv6 the first 64 bits. */
export function addressGroup(address: string | undefined): string {
  const normal = address === undefined ? undefined : normalAddress(address);
  if (!normal?.includes(":")) return normal ?? "unknown";
  const [head = "", tail] = normal.split("::");
  const before = head === "" ? [] : head.split(":");
  const after = tail ? tail.split(":") : [];
  const zeros = Array<string>(8 - before.length - after.length).fill("0");
  return `${[...before, ...zeros, ...after].slice(0, 4).join(":")}::/64`;
}

/** The caller's address, given that of the peer and the headers of the request. */
export type AddressOf = (peer: string | undefined, headers: Readonly<Record<string, string>>) => string | undefined;

/**
 * Makes the rule by which a caller's address is known. Without trusted proxies it is the peer's, and headers mean nothing.
 * Behind one, `X-Forwarded-For` is read from its end, where each proxy writes whom it saw, up to the first address that
 * is no trusted proxy's: what stands before it is only claimed. Each trusted proxy is an address, a subnet
 * (`10.0.0.0/8`) or `loopback`. Throws a `TypeError` that names one which is none of them.
 */
export function addressRule(trusted: readonly string[]): AddressOf {
  if (!Array.isArray(trusted)) {
    throw new TypeError('trustedProxies: must be a list like ["10.0.0.0/8", "loopback"]; never trust everything.');
  }
  if (trusted.length === 0) return (peer) => (peer === undefined ? undefined : (normalAddress(peer) ?? peer));
  // A list of both would take a range of IPv6 for the addresses of IPv4 that can be written in it.
  const proxies = { 4: new BlockList(), 6: new BlockList() };
  for (const entry of trusted) for (const range of NAMED.get(entry) ?? [entry]) add(proxies, range, entry);
  const isProxy = (address: string): boolean =>
    address.includes(":") ? proxies[6].check(address, "ipv6") : proxies[4].check(address, "ipv4");
  return (peer, headers) => {
    let address = peer === undefined ? undefined : normalAddress(peer);
    if (address === undefined) return peer;
    const forwarded = headers["x-forwarded-for"] ?? "";
    for (let end = forwarded.length, hops = 0; end > 0 && hops < MAX_HOPS && isProxy(address); hops++) {
      const comma = forwarded.lastIndexOf(",", end - 1);
      const before = normalAddress(forwarded.slice(comma + 1, end).trim());
      // Whoever a trusted proxy names in words that are no address, the proxy is the last that is known.
      if (before === undefined) break;
      address = before;
      end = comma;
    }
    return address;
  };
}

/** Longer than any address with its port. */
const MAX_CHARS = 64;
/** More proxies than any call passes. */
const MAX_HOPS = 16;

const NAMED: ReadonlyMap<string, readonly string[]> = new Map([["loopback", ["127.0.0.0/8", "::1"]]]);

function add(lists: Readonly<Record<4 | 6, BlockList>>, range: string, entry: string): void {
  const [written = "", prefix, ...rest] = range.split("/");
  // One address may be written in IPv6 and be of IPv4.
  const address = (prefix === undefined && isIP(written) === 6 && normalAddress(written)) || written;
  const version = isIP(address);
  const bits = version === 4 ? 32 : 128;
  const length = prefix === undefined ? bits : /^\d{1,3}$/.test(prefix) ? Number(prefix) : -1;
  if (version === 0 || length < 1 || length > bits || rest.length > 0) {
    throw new TypeError(
      `trustedProxies: "${entry}" is no address, no subnet like "10.0.0.0/8" (at least /1) and not "loopback".`,
    );
  }
  if (version === 4) lists[4].addSubnet(address, length, "ipv4");
  else lists[6].addSubnet(address, length, "ipv6");
}
