import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { readOptions } from "./options";
import { openSources } from "./sources";

const folder = mkdtempSync(join(tmpdir(), "orders-sources-"));
afterAll(() => rmSync(folder, { recursive: true }));

const open = (...args: string[]) => openSources(readOptions(args), () => 1);

function file(name: string, content: string): string {
  writeFileSync(join(folder, name), content);
  return join(folder, name);
}

test("an order that begins with a byte order mark is told of, and keeps it", async () => {
  const text = '\ufeff{"order_uid":"a"}';
  const [source] = await open(file("bom.json", text));
  expect(source?.description).toMatch(/begins with a byte order mark.*dead-lettered/);
  expect([...(source?.payloads ?? [])].map(({ value }) => String(value))).toEqual([text]);
});

test.each([
  ["an order without one", '{"order_uid":"a"}'],
  ["an array, whose elements it does not belong to,", '\ufeff[{"order_uid":"a"}]'],
])("%s is no matter of byte order marks", async (_, text) => {
  const [source] = await open(file("other.json", text));
  expect(source?.description).not.toContain("byte order mark");
});

test("a folder is said to be one, with what to type instead", async () => {
  await expect(open(folder)).rejects.toThrow(
    `cannot publish ${folder}: it is a folder; name its files, as in ${folder}/*.json`,
  );
});
