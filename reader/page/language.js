import { createFormat } from "./format.js";
import { english } from "./words-en.js";
import { russian } from "./words-ru.js";

const WORDS = { en: english, ru: russian };

/** The languages that the page speaks, as BCP 47 tags. */
export const languageTags = Object.keys(WORDS);

/** The first of the person's languages that the page speaks. @param {readonly string[]} preferred BCP 47 tags */
export function chooseLanguage(preferred) {
  return preferred.map(primaryOf).find((tag) => languageTags.includes(tag)) ?? "en";
}

/**
 * What a view needs to speak a language: its words, and numbers and times as they are written where the person lives.
 *
 * @param {string} tag one of languageTags
 * @param {readonly string[]} preferred the person's languages, which may know more: en-GB writes dates not as en-US does
 * @param {string} [timeZone] the viewer's own if it is left out
 */
export function createLanguage(tag, preferred, timeZone) {
  const locale = preferred.find((each) => primaryOf(each) === tag && isTag(each)) ?? tag;
  return { tag, words: WORDS[tag], format: createFormat(locale, timeZone) };
}

function primaryOf(tag) {
  return tag.toLowerCase().split("-")[0];
}

/** Whoever asks without a browser may name anything. */
function isTag(text) {
  try {
    return Intl.getCanonicalLocales(text).length === 1;
  } catch {
    return false;
  }
}
