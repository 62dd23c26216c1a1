import { chooseLanguage, createLanguage, languageTags } from "./language.js";

const KEY = "orders.language";

/** The language that was chosen here, else the first of the browser's that the page speaks. */
export function currentLanguage() {
  const chosen = read();
  const preferred = navigator.languages;
  const tag = languageTags.includes(chosen) ? chosen : chooseLanguage(preferred);
  return createLanguage(tag, preferred);
}

/** @param {string} tag one of languageTags */
export function rememberLanguage(tag) {
  try {
    localStorage.setItem(KEY, tag);
  } catch {
    // It is chosen for this page alone, then.
  }
}

function read() {
  try {
    return localStorage.getItem(KEY);
  } catch {
    return null;
  }
}
