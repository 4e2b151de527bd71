export function checkPort(port: number): void {
  check(Number.isInteger(port) && port >= 0 && port <= 65_535, "port must be a whole number from 0 to 65535");
}

export function checkHost(host: string): void {
  check(typeof host === "string" && host !== "", "host must be a name or an address");
}

export function checkSeed(seed: number): void {
  check(Number.isSafeInteger(seed), "seed must be a whole number");
}

export function checkApiKey(apiKey: string | undefined): void {
  check(apiKey === undefined || (typeof apiKey === "string" && apiKey !== ""), "apiKey must be a non-empty string");
}

function check(holds: boolean, rule: string): void {
  if (!holds) throw new TypeError(`${rule}.`);
}
