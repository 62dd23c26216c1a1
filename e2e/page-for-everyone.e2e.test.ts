import type { BrowserContextOptions, Page } from "playwright-core";
import { type RunningPage, runPage, SAMPLE, SAMPLE_ID } from "./support/run-page";

/** The page for people who read Russian, run no scripts, hear it, print it, or prefer the dark. */
const WAIT_MS = 60_000;
jest.setTimeout(WAIT_MS + 30_000);

let running: RunningPage;
let page: Page;

beforeAll(async () => {
  running = await runPage();
});
afterAll(() => running?.stop());
afterEach(() => page?.context().close());

async function open(path: string, options: BrowserContextOptions = {}): Promise<void> {
  const context = await running.browser.newContext({ locale: "en-US", timezoneId: "UTC", ...options });
  page = await context.newPage();
  page.setDefaultTimeout(WAIT_MS);
  await page.goto(`${running.url}${path}`);
}

const text = (name: string) => page.locator(`[data-field="${name}"]`).textContent();
const untilState = (state: string) => page.waitForSelector(`#result[data-state="${state}"]`);

describe("the page in Russian", () => {
  test("is what a Russian browser gets, with numbers and dates as they are written there", async () => {
    await open(`/?order=${SAMPLE_ID}`, { locale: "ru-RU" });
    await untilState("found");
    expect(await page.getAttribute("html", "lang")).toBe("ru");
    expect(await page.textContent("#home")).toBe("Заказы");
    expect(await page.textContent("h2")).toBe(`Заказ ${SAMPLE_ID}`);
    expect(await text("payment.amount")).toMatch(/^1\s817\s\$$/);
    expect(await text("date_created")).toMatch(/^26 ноября 2021\sг\. в 06:22$/);
    expect(await text("items.0.status")).toBe("Принят (202)");
  });

  test("is a press away, at once and the next time", async () => {
    await open(`/?order=${SAMPLE_ID}`);
    await untilState("found");
    await page.click("text=Русский");
    await page.getByText("Как опубликовано").waitFor();
    expect(await page.title()).toBe(`${SAMPLE_ID} · Заказы`);
    await page.reload();
    await page.getByText("Как опубликовано").waitFor();
    await page.click("text=English");
    await page.getByText("As published").waitFor();
  });

  test("is what a link's own language asks for, until another one is chosen", async () => {
    await open(`/?order=${SAMPLE_ID}&lang=ru`);
    await page.getByText("Как опубликовано").waitFor();
    await page.click("text=English");
    await page.getByText("As published").waitFor();
    await page.reload();
    await page.getByText("As published").waitFor();
    expect(page.url()).toBe(`${running.url}/?order=${SAMPLE_ID}`);
  });

  test("shows the order in hand without asking for it again, the focus on the switch", async () => {
    await open(`/?order=${SAMPLE_ID}`);
    await untilState("found");
    await page.fill("#order-id", "half typed");
    await page.context().setOffline(true);
    for (const [button, heading] of [
      ["Русский", `Заказ ${SAMPLE_ID}`],
      ["English", `Order ${SAMPLE_ID}`],
    ] as const) {
      await page.focus(`text=${button}`);
      await page.keyboard.press("Enter");
      await page.getByRole("heading", { name: heading, exact: true }).waitFor();
      expect(await page.evaluate("document.activeElement.parentElement.id")).toBe("languages");
    }
    expect(await page.inputValue("#order-id")).toBe("half typed");
  });
});

describe("the page by keyboard alone", () => {
  /** Presses Tab until what has the focus has this name. */
  async function tabTo(name: string | RegExp): Promise<void> {
    const names: string[] = [];
    while (names.length < 30) {
      await page.keyboard.press("Tab");
      const focused: string = await page.evaluate(
        "(({ ariaLabel, textContent }) => ariaLabel ?? textContent)(document.activeElement)",
      );
      if (typeof name === "string" ? focused === name : name.test(focused)) return;
      names.push(focused.slice(0, 40));
    }
    throw new Error(`${name} is not among what Tab leads to: ${names.join(", ")}`);
  }

  test("looks an order up, copies it, unfolds it, changes the language, goes back and forgets", async () => {
    await open("/", { permissions: ["clipboard-read", "clipboard-write"] });
    await page.keyboard.type(SAMPLE_ID);
    await page.keyboard.press("Enter");
    await untilState("found");
    await tabTo("Copy JSON");
    await page.keyboard.press("Enter");
    await page.getByText("Copied").waitFor();
    await tabTo("As published (JSON)");
    await page.keyboard.press("Enter");
    await tabTo(/^"payment": /);
    await page.keyboard.press("Space");
    await page.getByText('"goods_total"').waitFor({ state: "hidden" });
    await tabTo("Русский");
    await page.keyboard.press("Enter");
    await page.getByText("Как опубликовано").waitFor();
    await tabTo("Заказы");
    await page.keyboard.press("Enter");
    await untilState("idle");
    await tabTo(`Забыть ${SAMPLE_ID}`);
    await page.keyboard.press("Enter");
    await page.locator(".recent").waitFor({ state: "detached" });
    expect(await page.evaluate("document.activeElement.id")).toBe("order-id");
  });

  test("forgets one entry after the other, each time with the focus on the next", async () => {
    await open("/");
    await page.evaluate('localStorage.setItem("orders.recent", JSON.stringify(["a", "b", "c", "d"]))');
    await page.reload();
    await page.focus('[aria-label="Forget b"]');
    for (const next of ["Forget c", "Forget d", "Forget a"]) {
      await page.keyboard.press("Enter");
      expect(await page.evaluate("document.activeElement.ariaLabel")).toBe(next);
    }
  });
});

describe("the page without JavaScript", () => {
  const plain = { javaScriptEnabled: false };

  test("shows an order that was typed in, with the same words", async () => {
    await open("/", plain);
    expect(await page.textContent("noscript")).toContain("goes on without JavaScript");
    await page.fill("#order-id", SAMPLE_ID);
    await page.press("#order-id", "Enter");
    await untilState("found");
    expect(page.url()).toBe(`${running.url}/plain?order=${SAMPLE_ID}`);
    expect(await page.title()).toBe(`${SAMPLE_ID} · Orders`);
    expect(await page.inputValue("#order-id")).toBe(SAMPLE_ID);
    expect(await text("payment.amount")).toBe("$1,817");
    expect(await text("date_created")).toMatch(/^November 26, 2021 at 6:22:19\sAM UTC$/);
    expect(await text("raw")).toBe(SAMPLE);
    expect(await page.locator("main button, script").count()).toBe(0);
  });

  test("shows the order of a link", async () => {
    await open(`/?order=${SAMPLE_ID}`, plain);
    await untilState("found");
    expect(page.url()).toBe(`${running.url}/plain?order=${SAMPLE_ID}`);
  });

  test("shows the order of a link in the language that the link names", async () => {
    await open(`/?order=${SAMPLE_ID}&lang=ru`, plain);
    await untilState("found");
    expect(page.url()).toBe(`${running.url}/plain?order=${SAMPLE_ID}&lang=ru`);
    expect(await page.textContent("h2")).toBe(`Заказ ${SAMPLE_ID}`);
  });

  test("leads on to the order where its script does not come", async () => {
    const context = await running.browser.newContext();
    page = await context.newPage();
    await page.route("**/*.js", (route) => route.abort());
    await page.goto(`${running.url}/?order=${SAMPLE_ID}`);
    expect(await page.textContent(".by-hand")).toContain("The page’s script did not load. Load the page again, or");
    await page.click(`.by-hand >> text=${SAMPLE_ID}`);
    await untilState("found");
  });

  test("takes text from orders for text, never for markup", async () => {
    const markup = '"><img src=x onerror="alert(1)"><script>alert(1)</script>$&';
    await running.store(markup, ({ delivery }) => ({ delivery: { ...delivery, name: markup }, [markup]: markup }));
    await open(`/plain?order=${encodeURIComponent(markup)}`, plain);
    await untilState("found");
    for (const name of ["order_uid", "delivery.name"]) expect(await text(name)).toBe(markup);
    expect(await page.inputValue("#order-id")).toBe(markup);
    expect(await page.title()).toBe(`${markup} · Orders`);
    expect(await page.locator("img, script").count()).toBe(0);
  });

  test.each([
    ["unknown", "nothing", 404, "Такого заказа нет"],
    ["malformed", "..", 400, "Такого номера быть не может"],
  ])("says in Russian that an order is %s, and what to do", async (state, id, status, words) => {
    const context = await running.browser.newContext({ locale: "ru-RU", ...plain });
    page = await context.newPage();
    const answer = await page.goto(`${running.url}/plain?order=${id}`);
    expect(answer?.status()).toBe(status);
    await untilState(state);
    expect(await page.textContent("#result")).toContain(words);
    expect(await page.textContent("#result")).toContain("Проверьте, что номер скопирован целиком");
  });

  test("has a link for each other language, which stays chosen", async () => {
    await open(`/plain?order=${SAMPLE_ID}`, plain);
    await page.click("text=Русский");
    expect(await page.textContent("h2")).toBe(`Заказ ${SAMPLE_ID}`);
    await page.fill("#order-id", "nothing");
    await page.press("#order-id", "Enter");
    await untilState("unknown");
    expect(page.url()).toBe(`${running.url}/plain?lang=ru&order=nothing`);
    await page.click("text=Загрузить страницу снова");
    await untilState("unknown");
    await page.click("#home");
    expect([page.url(), await page.getAttribute("html", "lang")]).toEqual([`${running.url}/plain?lang=ru`, "ru"]);
    await page.click("text=English");
    expect(await page.getAttribute("html", "lang")).toBe("en");
  });

  test("says with 503 that an order cannot be reached now", async () => {
    running.postgres.fallSilent({ alsoNew: true });
    const context = await running.browser.newContext(plain);
    page = await context.newPage();
    const answer = await page.goto(`${running.url}/plain?order=${SAMPLE_ID}`);
    running.postgres.recover();
    expect([answer?.status(), answer?.headers()["retry-after"]]).toEqual([503, "2"]);
    expect(await page.textContent("#result")).toContain("The order cannot be reached now");
    await page.click("text=Load this page again");
    await untilState("found");
  });
});

describe("the page remembers", () => {
  test("what was found here, until it is told to forget", async () => {
    await running.store("second", () => ({}));
    await open(`/?order=${SAMPLE_ID}`);
    await untilState("found");
    for (const id of ["second", "nothing"]) {
      await page.fill("#order-id", id);
      await page.press("#order-id", "Enter");
      await untilState(id === "nothing" ? "unknown" : "found");
    }
    await page.click("#home");
    await untilState("idle");
    expect(await page.locator(".recent li bdi").allTextContents()).toEqual(["second", SAMPLE_ID]);
    await page.click(`button[aria-label="Forget second"]`);
    expect(await page.locator(".recent li bdi").allTextContents()).toEqual([SAMPLE_ID]);
    await page.click(".recent a");
    await untilState("found");
    await page.goBack();
    await page.click("#forget-all");
    expect(await page.locator(".recent").count()).toBe(0);
  });
});

describe("the page shows orders as they arrive", () => {
  test("the newest first, each a link to it", async () => {
    await open("/");
    await running.store("arriving 1", () => ({}));
    await page.getByRole("link", { name: "arriving 1" }).waitFor();
    await running.store("arriving 2", ({ payment }) => ({ payment: { ...payment, amount: 9007199254740991 } }));
    await page.getByRole("link", { name: "arriving 2" }).waitFor();
    expect(await page.locator("#live li").first().textContent()).toMatch(
      /^arriving 2\$9,007,199,254,740,991\d+:\d\d:\d\d\s[AP]M$/,
    );
    await page.click("text=arriving 1");
    await untilState("found");
    expect(await page.textContent("h2")).toBe("Order arriving 1");
  });
});

describe("an order on the page", () => {
  test("can be copied, its id and its JSON", async () => {
    await open(`/?order=${SAMPLE_ID}`, { permissions: ["clipboard-read", "clipboard-write"] });
    await untilState("found");
    for (const [label, copied] of [
      ["Copy id", SAMPLE_ID],
      ["Copy JSON", SAMPLE],
    ] as const) {
      const button = page.getByRole("button", { name: label });
      await button.click();
      await page.getByText("Copied").waitFor();
      expect(await page.evaluate("navigator.clipboard.readText()")).toBe(copied);
      await button.waitFor();
    }
  });

  test("has a note where its sums do not add up, and none where they do", async () => {
    await running.store("odd sums", ({ payment }) => ({ payment: { ...payment, goods_total: 318, amount: 1 } }));
    await open("/?order=odd%20sums");
    await untilState("found");
    expect(await text("sums")).toBe(
      "The goods of the payment ($318) are not the sum of the items ($317). " +
        "What was paid ($1) is not the sum of goods, delivery and customs fee ($1,818).",
    );
    await open(`/?order=${SAMPLE_ID}`);
    await untilState("found");
    expect(await page.locator('[data-field="sums"]').count()).toBe(0);
  });

  test("is printed without what can only be pressed", async () => {
    await open(`/?order=${SAMPLE_ID}`);
    await untilState("found");
    await page.emulateMedia({ media: "print" });
    expect(await page.isVisible("#search")).toBe(false);
    expect(await page.isVisible("text=Copy id")).toBe(false);
    expect(await page.isVisible('[data-field="payment.amount"]')).toBe(true);
  });
});
