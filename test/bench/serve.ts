import { readFileSync } from "node:fs";
import { createServer } from "node:http";
import { listen } from "../listen.ts";
import { answerQuestions } from "./child.ts";
import { contenders } from "./servers.ts";

/** What a server may be asked: where it listens, and what it has used since it started. */
export type ServerQuestion = "url" | "used";

export interface Used {
  /** CPU time of the whole process, user and system. */
  readonly cpuMs: number;
  readonly peakRssMb: number;
}

const [name = "", providerUrl = ""] = process.argv.slice(2);
const contender = contenders[name];
if (!contender) throw new Error(`There is no server "${name}".`);
const makeListener = await contender.load();
const server = createServer(makeListener(providerUrl));
// Its callers come back after the other servers' turns; none of them should have to connect again.
server.keepAliveTimeout = 600_000;
const { url } = await listen(server);

answerQuestions<ServerQuestion>(async (question) => (question === "url" ? url : used()));

function used(): Used {
  const { user, system } = process.cpuUsage();
  return { cpuMs: (user + system) / 1000, peakRssMb: peakRssKb() / 1024 };
}

/** Linux counts what a process inherits into `maxRSS`; its own high-water mark is in proc(5), `status`. */
function peakRssKb(): number {
  try {
    return Number(/VmHWM:\s+(\d+)/.exec(readFileSync("/proc/self/status", "utf8"))?.[1]);
  } catch {
    return process.resourceUsage().maxRSS;
  }
}
