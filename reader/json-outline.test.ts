import { readFileSync } from "node:fs";
import { join } from "node:path";
import { projectRoot } from "../runtime/project-root";
import { loadPageModule } from "./load-page-module";

const SAMPLE = readFileSync(join(projectRoot(), "ingestor/order-example.json"), "utf8");

type Part =
  | { readonly text: string; readonly members?: undefined }
  | { readonly open: string; readonly close: string; readonly members: readonly Member[] };

interface Member {
  readonly key?: string;
  readonly value: Part;
}

/** The text again, without the white space around its parts. */
function write(part: Part): string {
  if (!part.members) return part.text;
  const members = part.members.map(({ key, value }) => (key === undefined ? "" : `${key}:`) + write(value));
  return part.open + members.join(",") + part.close;
}

async function outline(text: string): Promise<string> {
  const { outlineOf } = await loadPageModule<{ outlineOf: (text: string) => Part }>("json-outline.js");
  return write(outlineOf(text));
}

test.each([
  ["numbers that JavaScript has no room for", "[1e400,9007199254740993,-0,1.10]"],
  ["a key that comes twice", '{"a":1,"a":2,"__proto__":{}}'],
  ["structure and escapes within strings", '{"a{[":"}],:\\"\\\\","\\u0061":"\\\\\\"{"}'],
  ["what is empty", '[[],{},"",null,true]'],
  ["other scripts", '{"ключ":"ירושלים 🛒\u2028"}'],
])("the parts of a JSON text are as they stand in it: %s", async (_, text) => {
  expect(await outline(text)).toBe(text);
  expect(await outline(`\n${text.replaceAll(/^[[{]|[\]}]$/g, " \t$&\r\n ")}`)).toBe(text);
});

test("the parts of the sample order are all of it", async () => {
  expect(await outline(SAMPLE)).toBe(JSON.stringify(JSON.parse(SAMPLE)));
});

test("a string of a mebibyte and nesting of a thousand are no trouble", async () => {
  const text = `${"[".repeat(1_000)}"${'\\"'.repeat(2 ** 19)}"${"]".repeat(1_000)}`;
  expect(await outline(text)).toBe(text);
});
