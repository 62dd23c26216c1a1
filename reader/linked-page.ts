import type { Context } from "koa";
import { askedFor, fillInWords, type Language, languagesOf, readTemplate } from "./page-template";
import { answerRepresentation, represent } from "./static-files";
import { escapeHtml } from "./write-html";

/**
 * The page as a link to one order opens it. Its script looks the order up. A browser that runs none is led on to the plain
 * page, and one whose script does not come (blocked, or too old for modules) shows a link to it after a moment.
 */
export function linkedPage(): (ctx: Context) => Promise<void> {
  const template = readTemplate();
  return async (ctx) => {
    const { language } = await languagesOf(ctx);
    const page = leadOn(template, askedFor(ctx), language);
    ctx.vary("Accept-Language");
    // Made for each id: packing it would take the event loop longer than sending it takes the network.
    answerRepresentation(ctx, "text/html; charset=utf-8", represent(Buffer.from(page)));
  };
}

function leadOn(template: string, id: string, language: Language): string {
  const plain = escapeHtml(`/plain?order=${encodeURIComponent(id)}${language.chosen ?? ""}`);
  const refresh = `<noscript><meta http-equiv="refresh" content="0; url=${plain}"></noscript>`;
  const why = escapeHtml(String(language.words["scriptless"]));
  const link = `<p class="by-hand">${why}<a class="id" href="${plain}"><bdi>${escapeHtml(id)}</bdi></a></p>`;
  return fillInWords(template, id, language)
    .replace("</head>", () => `  ${refresh}\n</head>`)
    .replace(/(<div id="result"[^>]*>)(<\/div>)/, (_, start: string, end: string) => start + link + end);
}
