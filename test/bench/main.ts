import { compare } from "./compare.ts";
import { limits } from "./limits/limits.ts";
import { soak } from "./soak/soak.ts";

const args = process.argv.slice(2);
if (args.includes("--soak")) await soak(args);
else if (args.includes("--limits")) await limits();
else await compare(args);
