import { readdirSync, readFileSync } from "node:fs";
import { dirname, join, normalize } from "node:path";
import { parseSync } from "@swc/core";
import { projectRoot } from "../runtime/project-root";

/** Which folders the files of a folder may import: the processes meet only in prisma/ and runtime/. */
const MAY_IMPORT: Readonly<Record<string, readonly string[]>> = {
  ingestor: ["ingestor", "prisma", "runtime"],
  reader: ["reader", "prisma", "runtime"],
  prisma: ["prisma", "runtime"],
  runtime: ["runtime", "prisma"],
  tools: ["tools", "ingestor", "reader", "prisma", "runtime"],
};

const isTest = (path: string): boolean => /\.test\.ts$|(^|\/)test-support\.ts$/.test(path);

/** One runs the program that npm names, the other imports the page's own modules: neither reaches into a folder. */
const LOADERS = ["tools/start/run.mjs", "reader/load-page-module.ts"];

/** What a source imports in any way: statements, types, `require` and `import()`; `undefined` for what is computed. */
function importsOf(source: string): (string | undefined)[] {
  const found: (string | undefined)[] = [];
  const visit = (node: unknown): void => {
    if (Array.isArray(node)) node.forEach(visit);
    if (typeof node !== "object" || node === null || Array.isArray(node)) return;
    const { type, ...parts } = node as Record<string, unknown>;
    if (/^(Import|Export(All|Named))Declaration$/.test(String(type)) && parts["source"])
      found.push(text(parts["source"]));
    if (type === "TsExternalModuleReference") found.push(text(parts["expression"]));
    if (type === "TsImportType") found.push(text(parts["argument"]));
    if (type === "CallExpression" && isImporting(parts["callee"])) {
      const [first] = parts["arguments"] as { expression: unknown }[];
      found.push(text(first?.expression));
    }
    Object.values(parts).forEach(visit);
  };
  visit(parseSync(source, { syntax: "typescript", target: "es2022" }).body);
  return found;
}

/** `import(…)`, `require(…)`, and whatever is asked of `require`. */
function isImporting(callee: unknown): boolean {
  const { type, value, object } = callee as { type: string; value?: unknown; object?: { value?: unknown } };
  if (type === "Import") return true;
  if (type === "Identifier") return value === "require";
  return type === "MemberExpression" && object?.value === "require";
}

/** The text of a string, or how one in backticks begins: computed is only what begins with what is computed. */
function text(node: unknown): string | undefined {
  const { type, value, quasis } = node as { type: string; value?: string; quasis?: { cooked: string }[] };
  if (type === "StringLiteral") return value;
  const [begin] = type === "TemplateLiteral" ? (quasis ?? []) : [];
  const isPackage = begin && !begin.cooked.startsWith(".");
  return isPackage || quasis?.length === 1 ? begin?.cooked : undefined;
}

/** What is wrong with a file's imports, in words. */
function wrongImports(path: string, source: string): string[] {
  const [folder = ""] = path.split("/");
  return importsOf(source).flatMap((name) => {
    if (name === undefined) return [`${path} imports something computed, which nobody can check`];
    if (!name.startsWith(".")) return [];
    const target = normalize(join(dirname(path), name));
    const may = MAY_IMPORT[folder]?.includes(target.split("/")[0] ?? "");
    return may || (isTest(path) && target.startsWith("e2e/support/")) ? [] : [`${path} imports ${target}`];
  });
}

function filesOf(folder: string): string[] {
  return readdirSync(join(projectRoot(), folder), { recursive: true, encoding: "utf8" })
    .map((path) => join(folder, path))
    .filter((path) => /\.(ts|js|mjs)$/.test(path) && !path.startsWith("prisma/generated/") && !LOADERS.includes(path));
}

test.each(Object.keys(MAY_IMPORT))("%s/ imports only what it may", (folder) => {
  const files = filesOf(folder);
  expect(files.length).toBeGreaterThan(10);
  const wrong = files.flatMap((path) => wrongImports(path, readFileSync(join(projectRoot(), path), "utf8")));
  expect(wrong).toEqual([]);
});

test.each([
  'import { judge } from "../ingestor/judge";',
  'import type { Judge } from "../ingestor/judge";',
  'import judge = require("../ingestor/judge");',
  'export * from "../ingestor/judge";',
  'export { judge } from "../ingestor/judge";',
  'const { judge } = require("../ingestor/judge");',
  'const path = require.resolve("../ingestor/judge");',
  'const judge = await import("../ingestor/judge");',
  "const judge = await import(`../ingestor/judge`);",
  'let judge: typeof import("../ingestor/judge");',
  'function late() { return [require("../reader/../ingestor/judge")]; }',
])("in the reader, %s is found", (source) => {
  expect(wrongImports("reader/main.ts", source)).toEqual(["reader/main.ts imports ingestor/judge"]);
  expect(wrongImports("reader/test-support.ts", source)).toHaveLength(1);
  expect(wrongImports("tools/audit.ts", source)).toEqual([]);
});

test("only tests import e2e/, and nobody tools/", () => {
  const source = 'import { waitUntil } from "../e2e/support/wait-until"; import { print } from "../tools/run-command";';
  expect(wrongImports("reader/main.ts", source)).toHaveLength(2);
  expect(wrongImports("reader/main.test.ts", source)).toEqual(["reader/main.test.ts imports tools/run-command"]);
});

test("a name that is computed is found, one in a comment or a text is none", () => {
  expect(wrongImports("reader/main.ts", 'require("../" + name)')).toHaveLength(1);
  // biome-ignore lint/suspicious/noTemplateCurlyInString: it is the source that is looked at
  expect(wrongImports("reader/main.ts", "require(`../${name}`)")).toHaveLength(1);
  expect(wrongImports("reader/main.ts", '// require("../ingestor/a")\nconst a = `import("../ingestor/b")`;')).toEqual(
    [],
  );
});

// Fails when a tool makes a client of its own: uncorrected, kafkajs loses headers, and on Node 24 warns of its timers.
test("a client of Kafka is made in runtime/kafka alone, where kafkajs is corrected", () => {
  const files = Object.keys(MAY_IMPORT).flatMap(filesOf);
  const makers = files.filter((path) => readFileSync(join(projectRoot(), path), "utf8").includes("new Kafka("));
  expect(makers).toEqual(["runtime/kafka/client.ts"]);
});
