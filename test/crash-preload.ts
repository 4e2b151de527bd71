// Makes a process throw where nobody catches, when it is told to: loaded into examples to see what they print then.
process.on("SIGUSR2", () => {
  throw new Error(process.env.CRASH_WITH);
});
