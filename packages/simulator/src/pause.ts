/** Waits so many milliseconds, or forever, but no longer than until `gone` is aborted. */
export function pause(ms: number, gone: AbortSignal): Promise<void> {
  return new Promise((resolve) => {
    if (gone.aborted) return resolve();
    const wake = () => {
      clearTimeout(timer);
      gone.removeEventListener("abort", wake);
      resolve();
    };
    const timer = ms === Infinity ? undefined : setTimeout(wake, ms);
    gone.addEventListener("abort", wake);
  });
}
