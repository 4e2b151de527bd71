import { randomUUID } from "node:crypto";
import { pause } from "../abort.ts";
import type { Clock } from "../clock.ts";
import type { GatewayError } from "../error.ts";
import { quietly } from "../quietly.ts";
import type { LeaseStore } from "./store.ts";

/** How long a lease lasts that is not renewed, in milliseconds: as long as what a gateway held stays taken once it died. */
export const LEASE_MS = 60_000;

/**
 * Calls `renew` often enough that a lease does not end. The returned function ends that, and then calls what it is given: at
 * once, or when the renewal that is under way is over, as that would begin the lease anew.
 */
export function keepRenewing(renew: () => Promise<unknown>, clock: Clock): (end: () => void) => void {
  let stop = (): void => {};
  let renewing: Promise<unknown> | undefined;
  const later = (): void => {
    stop = clock.after(LEASE_MS / 3, () => {
      // One renewal that fails is made good by the next, or the lease ends.
      const own = (async () => renew())().catch(() => {});
      renewing = own;
      own.then(() => {
        if (renewing === own) renewing = undefined;
      });
      later();
    });
  };
  later();
  return (end) => {
    stop();
    if (renewing) renewing.then(end);
    else end();
  };
}

/** How a slot is waited for. */
interface Waiting {
  /** A moment of the clock. */
  readonly giveUpAt: number;
  readonly clock: Clock;
  readonly signal: AbortSignal;
  readonly full: () => GatewayError;
}

/**
 * Waits for a slot of a key that is shared between gateways, and holds it until the returned function is called. Throws
 * what `full` makes once it is `giveUpAt`, or the signal's reason.
 */
export async function takeLease(
  store: LeaseStore,
  key: string,
  max: number,
  { giveUpAt, clock, signal, full }: Waiting,
): Promise<() => void> {
  const owner = randomUUID();
  const take = (): Promise<boolean> => store.lease(key, owner, max, LEASE_MS);
  const release = (): void => {
    // A slot that cannot be freed is free once its lease ends.
    quietly(() => store.release(key, owner));
  };
  for (let waitMs = FIRST_WAIT_MS; !(await take()); waitMs = Math.min(waitMs * 2, LAST_WAIT_MS)) {
    const leftMs = giveUpAt - clock.now();
    if (leftMs <= 0) throw full();
    await pause(Math.min(waitMs, leftMs), clock, signal);
  }
  if (signal.aborted) {
    release();
    throw signal.reason;
  }
  const stop = keepRenewing(take, clock);
  return () => stop(release);
}

/** Whoever waits elsewhere is not told when a slot is free: it asks again. */
const FIRST_WAIT_MS = 20;
const LAST_WAIT_MS = 500;
