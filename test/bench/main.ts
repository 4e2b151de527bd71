import { compare } from "./compare.ts";
import { soak } from "./soak/soak.ts";

const args = process.argv.slice(2);
if (args.includes("--soak")) await soak(args);
else await compare(args);
