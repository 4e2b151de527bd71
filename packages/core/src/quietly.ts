/** Runs what nobody waits for. How it fails, at once or later, is nobody's concern. */
export function quietly(run: () => Promise<unknown>): void {
  try {
    run().catch(() => {});
  } catch {}
}
