import { readFileSync } from "node:fs";
import { join } from "node:path";
import { loadPageModule, PAGE_FOLDER } from "./load-page-module";

/** The shape of the words: names, and for each whether it is a text, a list, or a function of so many things. */
function shapeOf(words: unknown): unknown {
  if (typeof words === "function") return `function of ${words.length}`;
  if (typeof words !== "object" || words === null) return typeof words;
  return Object.fromEntries(Object.entries(words).map(([name, value]) => [name, shapeOf(value)]));
}

test("the page has every text in both languages, and none is the same in both by oversight", async () => {
  const { english } = await loadPageModule<{ english: unknown }>("words-en.js");
  const { russian } = await loadPageModule<{ russian: unknown }>("words-ru.js");
  expect(shapeOf(russian)).toEqual(shapeOf(english));
  const texts = (words: unknown): string[] =>
    typeof words === "string" ? [words] : Object.values(words ?? {}).flatMap(texts);
  const russianTexts = texts(russian);
  const same = texts(english).filter((text, index) => text === russianTexts[index]);
  expect(same).toEqual(["JSON", "SM id", "NM", "CHRT"]);
});

test("the page's own file, which is sent before a language is known, says in both what the words say", async () => {
  const file = readFileSync(join(PAGE_FOLDER, "index.html"), "utf8");
  const [, inside = ""] = /<noscript>(.*)<\/noscript>/s.exec(file) ?? [];
  const { english } = await loadPageModule<{ english: Record<string, string> }>("words-en.js");
  const { russian } = await loadPageModule<{ russian: Record<string, string> }>("words-ru.js");
  expect([...inside.matchAll(/<p[^>]*>([^<]*)</g)].map(([, text]) => text)).toEqual([
    english["noscript"],
    russian["noscript"],
  ]);
  for (const [, name = "", text] of file.matchAll(/data-words="(\w+)">([^<]*)</g))
    expect([name, english[name]]).toEqual([name, text]);
});
