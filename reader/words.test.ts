import { join } from "node:path";
import { pathToFileURL } from "node:url";
import { projectRoot } from "../runtime/project-root";

/** The shape of the words: names, and for each whether it is a text, a list, or a function of so many things. */
function shapeOf(words: unknown): unknown {
  if (typeof words === "function") return `function of ${words.length}`;
  if (typeof words !== "object" || words === null) return typeof words;
  return Object.fromEntries(Object.entries(words).map(([name, value]) => [name, shapeOf(value)]));
}

async function wordsOf(language: "english" | "russian", file: string): Promise<unknown> {
  const { [language]: words } = await import(pathToFileURL(join(projectRoot(), "reader/page", file)).href);
  return words;
}

test("the page has every text in both languages, and none is the same in both by oversight", async () => {
  const english = await wordsOf("english", "words-en.js");
  const russian = await wordsOf("russian", "words-ru.js");
  expect(shapeOf(russian)).toEqual(shapeOf(english));
  const texts = (words: unknown): string[] =>
    typeof words === "string" ? [words] : Object.values(words ?? {}).flatMap(texts);
  const russianTexts = texts(russian);
  const same = texts(english).filter((text, index) => text === russianTexts[index]);
  expect(same).toEqual(["JSON", "SM id"]);
});
