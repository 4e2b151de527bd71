import assert from "node:assert/strict";
import { execFile } from "node:child_process";
import { globSync, mkdirSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { basename, dirname, join } from "node:path";
import { before, test } from "node:test";
import { promisify } from "node:util";
import { codes } from "@gatewright/core";

const run = promisify(execFile);
const root = new URL("../", import.meta.url).pathname;
const blocksFolder = join(root, "test/.blocks");
const pages = globSync(["README.md", "docs/**/*.md", "packages/*/README.md", "test/**/README.md"], {
  cwd: root,
  exclude: ["**/node_modules/**"],
}).sort();

/** A ```ts block of a page. It is a module of its own; one that begins with `// name.ts` can be imported by the others. */
interface Block {
  readonly page: string;
  readonly file: string;
  readonly code: string;
}

const blocks: readonly Block[] = pages.flatMap((page) => {
  const folder = join(blocksFolder, page.replaceAll("/", "_").replace(/\.md$/, ""));
  const found = readFileSync(join(root, page), "utf8").matchAll(/^```ts\n([\s\S]*?)^```$/gm);
  return [...found].map(([, code = ""], position) => {
    const name = /^\/\/ ([\w.-]+\.ts)\n/.exec(code)?.[1] ?? `block-${position + 1}.ts`;
    return { page, file: join(folder, name), code };
  });
});

before(async () => {
  rmSync(blocksFolder, { recursive: true, force: true });
  for (const { file, code } of blocks) {
    mkdirSync(dirname(file), { recursive: true });
    writeFileSync(file, code);
  }
  // A reader's project need not write out the types of what it exports.
  const compilerOptions = { noEmit: true, isolatedDeclarations: false, declaration: false };
  const config = { extends: "../../tsconfig.base.json", files: blocks.map(({ file }) => file), compilerOptions };
  writeFileSync(join(blocksFolder, "tsconfig.json"), JSON.stringify(config));
});

test("there are blocks to check", () => {
  assert.ok(blocks.length >= 12, `${blocks.length} blocks in ${pages.length} pages`);
});

test("every block compiles under the strict options of this project", { timeout: 60_000 }, async () => {
  const { stdout } = await run(join(root, "node_modules/.bin/tsc"), ["-p", blocksFolder]).catch((error) => error);
  assert.equal(stdout, "");
});

for (const { page, file } of blocks) {
  test(`${page}: ${basename(file)} runs`, { timeout: 30_000 }, async () => {
    const preload = join(root, "test/docs-preload.ts");
    const { NODE_TEST_CONTEXT: _, ...environment } = process.env;
    await run(process.execPath, ["--import", preload, file], { env: environment, timeout: 20_000 });
  });
}

test("the table of codes is the table in the code", () => {
  const rows = Object.entries(codes).map(([code, { status, layer, origin, phase, retryable, remedy }]) => {
    return `| \`${code}\` | ${status} | ${layer} | ${origin} | ${phase} | ${retryable ? "yes" : "no"} | ${remedy} |`;
  });
  const table = [
    "| Code | Status | Layer | Origin | Phase | Retryable | Remedy |",
    "| --- | --- | --- | --- | --- | --- | --- |",
    ...rows,
  ];
  const page = readFileSync(join(root, "docs/errors.md"), "utf8");
  const shown = page.split("<!-- codes: begin -->\n")[1]?.split("\n<!-- codes: end -->")[0];
  assert.equal(shown, table.join("\n"));
});

test("every link to a file of the project leads somewhere", () => {
  for (const page of pages) {
    const text = readFileSync(join(root, page), "utf8");
    for (const [, target = ""] of text.matchAll(/\]\((?!https?:|#)([^)#]+)(?:#[^)]*)?\)/g)) {
      const found = globSync(join(dirname(page), target), { cwd: root });
      assert.equal(found.length, 1, `${page} links to ${target}`);
    }
  }
});

test("every link to a heading finds it", () => {
  for (const page of pages) {
    const text = readFileSync(join(root, page), "utf8");
    for (const [, target, anchor = ""] of text.matchAll(/\]\((?!https?:)([^)#]*)#([^)]+)\)/g)) {
      const other = target ? join(root, dirname(page), target) : join(root, page);
      const headings = [...readFileSync(other, "utf8").matchAll(/^#+ (.+)$/gm)].map(([, heading = ""]) =>
        slug(heading),
      );
      assert.ok(headings.includes(anchor), `${page} links to ${target}#${anchor}`);
    }
  }
});

function slug(heading: string): string {
  return heading
    .toLowerCase()
    .replace(/[^\p{L}\p{N} _-]/gu, "")
    .replaceAll(" ", "-");
}
