import { loadPageModule } from "./load-page-module";

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
  expect(same).toEqual(["JSON", "SM id"]);
});
