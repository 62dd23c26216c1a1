import { isPossibleOrderId } from "../prisma/order-id";
import { loadPageModule } from "./load-page-module";

type WhyNoOrderId = (id: string, language: unknown) => string | undefined;

const ids = [
  "a",
  "...",
  " ",
  "заказ/1?#%",
  "e\u0301",
  "🛒".repeat(128),
  "x".repeat(129),
  "🛒".repeat(129),
  "x".repeat(1e5),
].concat(["b563feb7b2b84b6test", ".", "..", "a\u0000b", "a\nb", "\u007f", "\u0085", "\ud800", "a\udc00"]);

test.each(["en", "ru"])(
  "the page, which asks for nothing when the field is empty, has the reader's rule (%s)",
  async (tag) => {
    const { whyNoOrderId } = await loadPageModule<{ whyNoOrderId: WhyNoOrderId }>("order-id.js");
    const { createLanguage } = await loadPageModule<{ createLanguage: (tag: string, preferred: string[]) => unknown }>(
      "language.js",
    );
    const language = createLanguage(tag, []);
    for (const id of ids) {
      const why = whyNoOrderId(id, language);
      expect([id, typeof why]).toEqual([id, isPossibleOrderId(id) ? "undefined" : "string"]);
    }
  },
);
