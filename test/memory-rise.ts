import { setFlagsFromString } from "node:v8";
import { runInNewContext } from "node:vm";

setFlagsFromString("--expose-gc");
// With the flag set, a new context has the function.
const collectGarbage: () => void = runInNewContext("gc");

/** What something gives that runs, and by how many bytes the memory of this process rose meanwhile, at its highest. */
export async function memoryRise<T>(run: () => Promise<T>): Promise<{ readonly value: T; readonly bytes: number }> {
  collectGarbage();
  const before = process.memoryUsage.rss();
  let most = before;
  const sample = (): void => {
    most = Math.max(most, process.memoryUsage.rss());
  };
  const sampler = setInterval(sample, 1);
  const value = await run().finally(() => clearInterval(sampler));
  sample();
  return { value, bytes: most - before };
}
