import { chooseLanguage, createLanguage, languageTags } from "./language.js";

const KEY = "orders.language";

/** The language that the address names, else the one that was chosen here, else the first of the browser's. */
export function currentLanguage() {
  const named = new URLSearchParams(location.search).get("lang");
  const preferred = navigator.languages;
  const tag = [named, read()].find((each) => languageTags.includes(each)) ?? chooseLanguage(preferred);
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
