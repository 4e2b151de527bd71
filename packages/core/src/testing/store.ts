import type { RegisterTest } from "./server.ts";
import type { StoreContract, StoreUnderTest } from "./store-contract.ts";
import { testCounts } from "./store-counts.ts";
import { testDebts } from "./store-debts.ts";
import { testLeases } from "./store-leases.ts";
import { testRecords } from "./store-records.ts";

export type { StoreUnderTest } from "./store-contract.ts";

/**
 * The contract of a store, as tests: give the `test` function of a runner, and a function that makes an empty store. All
 * of them together wait for less than three seconds.
 * @example
 * testStore(test, async () => {
 *   const clock = fakeClock();
 *   return { store: memoryStore({ clock }), wait: (ms) => clock.advance(ms), close: async () => {} };
 * });
 */
export function testStore(test: RegisterTest, start: () => Promise<StoreUnderTest>): void {
  const contract: StoreContract = (name, run) => {
    test(name, async () => {
      const under = await start();
      try {
        await run(under);
      } finally {
        await under.close();
      }
    });
  };
  testCounts(contract);
  testDebts(contract);
  testLeases(contract);
  testRecords(contract);
}
