import { readFileSync } from "node:fs";
import { join } from "node:path";
import type { Context } from "koa";
import { loadPageModule, PAGE_FOLDER } from "./load-page-module";
import { escapeHtml } from "./write-html";

/** What page/language.js makes. */
export interface Language {
  readonly tag: string;
  readonly words: Readonly<Record<string, unknown>>;
  /** What an address ends with that keeps the language, where it was chosen by one. */
  readonly chosen?: string;
}

interface Languages {
  readonly languageTags: readonly string[];
  chooseLanguage(preferred: readonly string[]): string;
  createLanguage(tag: string, preferred: readonly string[], timeZone: string): Language;
}

/** The page's own file, into which the reader writes what a script would. */
export function readTemplate(): string {
  return readFileSync(join(PAGE_FOLDER, "index.html"), "utf8");
}

/** The language that whoever asks prefers. */
async function chooseLanguage(ctx: Context): Promise<Language> {
  const { chooseLanguage, createLanguage } = await loadPageModule<Languages>("language.js");
  const preferred = ctx.acceptsLanguages();
  // Where the person lives is not known here, and a time without its zone would be wrong.
  return createLanguage(chooseLanguage(preferred), preferred, "UTC");
}

/** The language that the address names in `lang`, else the one that is preferred; and all others that there are. */
export async function languagesOf(ctx: Context): Promise<{ language: Language; others: readonly Language[] }> {
  const { languageTags, createLanguage } = await loadPageModule<Languages>("language.js");
  const asked = ctx.query["lang"];
  const tag = languageTags.find((each) => each === asked);
  const make = (each: string): Language => {
    return { ...createLanguage(each, ctx.acceptsLanguages(), "UTC"), chosen: `&lang=${each}` };
  };
  const language = tag === undefined ? await chooseLanguage(ctx) : make(tag);
  return { language, others: languageTags.filter((each) => each !== language.tag).map(make) };
}

/** The id in the address, or an empty text. */
export function askedFor(ctx: Context): string {
  const { order = "" } = ctx.query;
  return typeof order === "string" ? order : (order[0] ?? "");
}

/** The template with its words, and the id in the field and in the title. */
export function fillInWords(template: string, id: string, { tag, words }: Language): string {
  // Replacements are functions, because a text could hold what String.replace takes for a pattern.
  return template
    .replace('<html lang="en">', () => `<html lang="${tag}">`)
    .replace(/(data-words="(\w+)">)[^<]*/g, (_, start: string, name: string) => start + escapeHtml(String(words[name])))
    .replace('<input id="order-id"', (input) => `${input} value="${escapeHtml(id)}"`)
    .replace(
      /<title>.*<\/title>/,
      () => `<title>${escapeHtml(`${id === "" ? "" : `${id} · `}${words["title"]}`)}</title>`,
    );
}
