// Packs every public package as it would be published and checks what is in it: run by `pnpm check`, after `pnpm build`.
import { execFileSync } from "node:child_process";
import { mkdtempSync, readdirSync, readFileSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { publint } from "publint";
import { formatMessage } from "publint/utils";

const packages = new URL("../packages/", import.meta.url).pathname;
const packed = mkdtempSync(join(tmpdir(), "gatewright-"));
let failed = false;

for (const name of readdirSync(packages)) {
  const folder = join(packages, name);
  execFileSync("pnpm", ["pack", "--pack-destination", packed], { cwd: folder, stdio: ["ignore", "ignore", "inherit"] });
  const tarball = readdirSync(packed).find((file) => file.startsWith(`gatewright-${name}-`));
  if (!tarball) throw new Error(`${name} was not packed.`);
  const bytes = readFileSync(join(packed, tarball));
  const { messages, pkg } = await publint({ pack: { tarball: new Uint8Array(bytes).buffer }, strict: true });
  const shown = messages.map((message) => formatMessage(message, pkg) ?? message.code);
  const lost = Object.entries(pkg.dependencies ?? {}).filter(([, range]) => String(range).startsWith("workspace:"));
  for (const [dependency] of lost) shown.push(`${dependency} is still a workspace range`);
  console.log(`${shown.length === 0 ? "ok" : "NOT ok"}  ${String(pkg.name)}  ${Math.round(bytes.length / 1024)} KiB`);
  for (const line of shown) console.log(`    ${line}`);
  failed ||= shown.length > 0;
}

rmSync(packed, { recursive: true });
process.exit(failed ? 1 : 0);
