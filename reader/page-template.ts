import { readFileSync } from "node:fs";
import { join } from "node:path";
import type { Context } from "koa";
import { loadPageModule, PAGE_FOLDER } from "./load-page-module";
import { escapeHtml } from "./write-html";

/** What page/language.js makes. */
export interface Language {
  readonly tag: string;
  readonly words: Readonly<Record<string, unknown>>;
}

interface Languages {
  chooseLanguage(preferred: readonly string[]): string;
  createLanguage(tag: string, preferred: readonly string[], timeZone: string): Language;
}

/** The page's own file, into which the reader writes what a script would. */
export function readTemplate(): string {
  return readFileSync(join(PAGE_FOLDER, "index.html"), "utf8");
}

/** The language that whoever asks prefers. */
export async function chooseLanguage(ctx: Context): Promise<Language> {
  const { chooseLanguage, createLanguage } = await loadPageModule<Languages>("language.js");
  const preferred = ctx.acceptsLanguages();
  // Where the person lives is not known here, and a time without its zone would be wrong.
  return createLanguage(chooseLanguage(preferred), preferred, "UTC");
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
