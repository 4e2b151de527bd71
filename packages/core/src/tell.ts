/** Tells somebody who only watches: whether that throws or rejects, it changes nothing for anybody else. */
export function tell<Facts extends readonly unknown[]>(watcher: (...facts: Facts) => void, ...facts: Facts): void {
  (async () => watcher(...facts))().catch(() => {});
}
