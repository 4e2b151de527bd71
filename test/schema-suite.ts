import { existsSync, readdirSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { compileSchema } from "../packages/post-process/src/schema/compiled-schema.ts";

// Runs the official JSON Schema Test Suite over our evaluator: `node test/schema-suite.ts FOLDER`, where the folder is a clone of
// https://github.com/json-schema-org/JSON-Schema-Test-Suite. It is not part of the project, so this is no test.

interface Group {
  readonly file: string;
  readonly description: string;
  readonly schema: unknown;
  readonly tests: readonly { readonly description: string; readonly data: unknown; readonly valid: boolean }[];
}

const DIALECTS = { draft7: "http://json-schema.org/draft-07/schema#", "draft2020-12": undefined } as const;
/** Where the suite expects other documents to be. */
const REMOTE = "http://localhost:1234/";

const [folder = ""] = process.argv.slice(2);
if (!existsSync(join(folder, "tests"))) throw new Error("usage: node test/schema-suite.ts FOLDER");

for (const [name, $schema] of Object.entries(DIALECTS)) {
  const local = { passed: 0, total: 0 };
  const all = { passed: 0, total: 0 };
  const failures: string[] = [];
  for (const group of groupsOf(name)) {
    const remote = needsRemote(group);
    for (const { description, data, valid } of group.tests) {
      const verdict = verdictOf(inDialect(group.schema, $schema), data);
      for (const counts of remote ? [all] : [all, local]) {
        counts.total++;
        if (verdict === valid) counts.passed++;
      }
      if (verdict === valid) continue;
      failures.push(`${remote ? "(remote) " : ""}${group.file}: ${group.description}: ${description}: ${verdict}`);
      if (!remote) process.exitCode = 1;
    }
  }
  console.log(
    `${name}: ${local.passed} of ${local.total} that need no other document, ${all.passed} of ${all.total} in all`,
  );
  for (const failure of failures) console.log(`  ${failure}`);
}

/** The required tests: those of the optional folder are none. */
function groupsOf(name: string): Group[] {
  const tests = join(folder, "tests", name);
  const files = readdirSync(tests).filter((file) => file.endsWith(".json"));
  return files.flatMap((file) => {
    // The suite checks its own files against a schema.
    const groups = JSON.parse(readFileSync(join(tests, file), "utf8")) as Omit<Group, "file">[];
    return groups.map((group) => ({ ...group, file }));
  });
}

/** Whether a schema refers to a document that is not in it, and that the suite would serve. */
function needsRemote({ file, schema }: Group): boolean {
  if (file === "refRemote.json") return true;
  const base = typeof schema === "object" && schema && "$id" in schema ? String(schema.$id) : REMOTE;
  return [...JSON.stringify(schema).matchAll(/"\$(?:ref|dynamicRef|schema)":"([^"#]+)/g)].some(([, reference = ""]) => {
    if (!URL.canParse(reference, base)) return false;
    const { href } = new URL(reference, base);
    return href.startsWith(REMOTE) && existsSync(join(folder, "remotes", href.slice(REMOTE.length)));
  });
}

/** Our default is 2020-12; an older schema has to say what it is. */
function inDialect(schema: unknown, $schema: string | undefined): unknown {
  if ($schema === undefined || typeof schema !== "object") return schema;
  return { $schema, ...schema };
}

function verdictOf(schema: unknown, value: unknown): boolean | string {
  try {
    return compileSchema(schema).check(value).length === 0;
  } catch (thrown) {
    return String(thrown);
  }
}
