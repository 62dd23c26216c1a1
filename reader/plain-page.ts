import type { Context } from "koa";
import type { FoundOrder } from "./find-order";
import { RETRY_AFTER_SECONDS } from "./get-order";
import { loadPageModule } from "./load-page-module";
import { askedFor, fillInWords, type Language, languagesOf, readTemplate } from "./page-template";
import { escapeHtml, type Tree, writeHtml } from "./write-html";

/** The page's own views, so that both pages say the same. */
interface Views {
  whyNoOrderId(id: string, language: Language): string | undefined;
  idleView(language: Language): Tree;
  malformedView(id: string, because: string, language: Language): Tree;
  unknownView(id: string, language: Language): Tree;
  unavailableView(id: string, because: number, language: Language): Tree;
  orderView(id: string, text: string, language: Language): Tree;
}

interface Answer {
  readonly status: number;
  readonly state: string;
  readonly view: Tree;
}

/**
 * The page for browsers that run no scripts: the form leads here, and the answer is written out. It is the one place in
 * the reader where a document is parsed.
 */
export function plainPage(findOrder: (id: string) => Promise<FoundOrder>): (ctx: Context) => Promise<void> {
  const template = readTemplate();
  let views: Promise<Views> | undefined;
  return async (ctx) => {
    views ??= loadViews();
    const known = await views;
    const { language, others } = await languagesOf(ctx);
    const id = askedFor(ctx);
    const { status, state, view } = await answer(id, language, known, findOrder);
    ctx.status = status;
    if (status === 503) ctx.set("Retry-After", String(RETRY_AFTER_SECONDS));
    ctx.set("Cache-Control", "no-store");
    ctx.vary("Accept-Language");
    ctx.type = "text/html; charset=utf-8";
    ctx.body = fillIn(template, id, language, state, view, others);
  };
}

async function answer(
  id: string,
  language: Language,
  views: Views,
  findOrder: (id: string) => Promise<FoundOrder>,
): Promise<Answer> {
  if (id === "") return { status: 200, state: "idle", view: views.idleView(language) };
  const mistake = views.whyNoOrderId(id, language);
  if (mistake) return { status: 400, state: "malformed", view: views.malformedView(id, mistake, language) };
  const found = await findOrder(id);
  switch (found.kind) {
    case "found":
      return { status: 200, state: "found", view: views.orderView(id, found.order.body.toString(), language) };
    case "not-found":
      return { status: 404, state: "unknown", view: views.unknownView(id, language) };
    case "unavailable":
      return { status: 503, state: "unavailable", view: views.unavailableView(id, 503, language) };
  }
}

/** The page's own file with its words, the id in the field and the answer in its place, and without the script. */
function fillIn(
  template: string,
  id: string,
  language: Language,
  state: string,
  view: Tree,
  others: readonly Language[],
): string {
  const { tag, chosen = "" } = language;
  const kept = chosen === "" ? "" : `<input type="hidden" name="lang" value="${tag}">`;
  return fillInWords(template, id, language)
    .replace(/ *<script .*<\/script>\n/, "")
    .replace(/ *<noscript>.*<\/noscript>\n/s, "")
    .replace('href="/" id="home"', `href="/plain${chosen.replace("&", "?")}" id="home"`)
    .replace("<label", () => `${kept}<label`)
    .replace('<div id="languages">', (start) => start + others.map((other) => languageLink(id, other)).join(" "))
    .replace(/<div id="result".*<\/div>/, () => `<div id="result" data-state="${state}">${writeHtml(view)}</div>`);
}

function languageLink(id: string, { tag, words, chosen }: Language): string {
  const href = escapeHtml(`/plain?order=${encodeURIComponent(id)}${chosen}`);
  return `<a class="small-button" lang="${tag}" href="${href}">${escapeHtml(String(words["itself"]))}</a>`;
}

async function loadViews(): Promise<Views> {
  const names = ["order-id.js", "message-view.js", "order-view.js"];
  return Object.assign({}, ...(await Promise.all(names.map((name) => loadPageModule<Partial<Views>>(name)))));
}
