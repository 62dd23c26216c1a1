import { readFileSync } from "node:fs";
import { createServer, type Server } from "node:http";
import type { AddressInfo } from "node:net";
import { join } from "node:path";
import { pino } from "pino";
import { type Browser, chromium, type Page } from "playwright-core";
import { createApp } from "../reader/app";
import { createFindOrder, type StoredOrder } from "../reader/find-order";
import { createReaderMetrics } from "../reader/metrics";
import { createOrderCache } from "../reader/order-cache";
import { projectRoot } from "../runtime/project-root";

/**
 * The page in a real browser, on the reader's own app. Postgres is a map here: what the page does depends on the
 * answers alone, and those are tested against the real one in reader/app.service.test.ts.
 */
const SAMPLE = readFileSync(join(projectRoot(), "ingestor/order-example.json"), "utf8");
const SAMPLE_ID = "b563feb7b2b84b6test";

const stored = new Map<string, string>();
let isDown = false;
let browser: Browser;
let server: Server;
let url: string;
let page: Page;
let errors: string[];

async function ask(id: string): Promise<StoredOrder | undefined> {
  if (isDown) throw new Error("down");
  const document = stored.get(id);
  return document === undefined ? undefined : { document, sha256: Buffer.alloc(32, id) };
}

/** The sample with other values, and a further field. */
function store(id: string, change: (order: typeof import("../ingestor/order-example.json")) => object): void {
  const order = JSON.parse(SAMPLE);
  stored.set(id, JSON.stringify({ ...order, order_uid: id, ...change(order) }));
}

const field = (name: string) => page.locator(`[data-field="${name}"]`);
const text = (name: string) => field(name).textContent();
const result = () => page.locator("#result");
const untilState = (state: string) => page.waitForSelector(`#result[data-state="${state}"]`);

async function lookUp(id: string): Promise<void> {
  await page.fill("#order-id", id);
  await page.press("#order-id", "Enter");
}

beforeAll(async () => {
  browser = await chromium.launch({
    executablePath: "/usr/bin/chromium",
    args: [
      "--headless",
      "--no-sandbox",
      "--disable-gpu",
      "--disable-quic",
      "--no-first-run",
      "--disable-background-networking",
      "--disable-component-update",
      "--disable-sync",
    ],
  });
  // A cache of no use: every look-up asks, so that being down can be seen.
  const findOrder = createFindOrder({ cache: createOrderCache(1), ask, atOnce: 4 });
  const log = pino({ level: "silent" });
  const app = createApp({ findOrder, refreshState: () => ({ kind: "live" }), metrics: createReaderMetrics(), log });
  server = createServer(app.callback());
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
  url = `http://127.0.0.1:${(server.address() as AddressInfo).port}`;
});
afterAll(async () => {
  await browser.close();
  server.closeAllConnections();
  await new Promise((resolve) => server.close(resolve));
});
beforeEach(async () => {
  stored.clear();
  stored.set(SAMPLE_ID, SAMPLE);
  isDown = false;
  page = await browser.newPage({ locale: "en-US", timezoneId: "UTC", viewport: { width: 1100, height: 800 } });
  errors = [];
  page.on("pageerror", (error) => errors.push(error.message));
  page.on("console", (message) => {
    if (/Content Security Policy/.test(message.text())) errors.push(message.text());
  });
  page.on("request", (request) => {
    if (!request.url().startsWith(url)) errors.push(`asked ${request.url()}`);
  });
});
afterEach(async () => {
  await page.close();
  expect(errors).toEqual([]);
});

describe("the page", () => {
  test("shows an order that was typed in, as a person would want it", async () => {
    await page.goto(url);
    expect(await page.evaluate("document.activeElement.id")).toBe("order-id");
    await lookUp(SAMPLE_ID);
    await untilState("found");
    expect(page.url()).toBe(`${url}/?order=${SAMPLE_ID}`);
    expect(await page.title()).toBe(`${SAMPLE_ID} · Orders`);
    expect(await text("delivery.name")).toBe("Test Testov");
    expect(await text("payment.amount")).toBe("$1,817");
    expect(await text("payment.payment_dt")).toMatch(/^November 26, 2021 at 6:22\sAM$/);
    expect(await text("date_created")).toMatch(/^November 26, 2021 at 6:22\sAM$/);
    expect(await text("items.0.name")).toBe("Mascaras");
    expect(await text("items.0.sale")).toBe("30%");
    expect(await text("items.sum")).toBe("$317");
    expect(await text("track_number")).toBe("WBILMTESTTRACK");
    expect(await page.textContent("#status")).toBe(`Order ${SAMPLE_ID} is shown.`);
  });

  test("keeps the published JSON folded away, and shows it as it is", async () => {
    await page.goto(`${url}/?order=${SAMPLE_ID}`);
    await untilState("found");
    expect(await field("raw").isVisible()).toBe(false);
    await page.click("summary");
    expect(await field("raw").isVisible()).toBe(true);
    expect(await text("raw")).toBe(SAMPLE);
  });

  test("follows Back and Forward and its own links without a reload", async () => {
    store("second", () => ({ customer_id: "another" }));
    await page.goto(url);
    await page.evaluate("globalThis.isSamePage = true");
    await lookUp(SAMPLE_ID);
    await untilState("found");
    await lookUp("second");
    await page.waitForFunction('document.querySelector("[data-field=customer_id]")?.textContent === "another"');
    await page.goBack();
    await page.waitForFunction('document.querySelector("[data-field=customer_id]")?.textContent === "test"');
    expect(await page.inputValue("#order-id")).toBe(SAMPLE_ID);
    await page.goBack();
    await untilState("idle");
    expect(await page.inputValue("#order-id")).toBe("");
    await page.goForward();
    await untilState("found");
    await page.click("#home");
    await untilState("idle");
    expect(await page.evaluate("globalThis.isSamePage")).toBe(true);
  });

  test("takes text from orders for text, never for markup", async () => {
    const markup = '<img src=x onerror="document.title=\'broken\'"><script>document.title="broken"</script>';
    store(markup, ({ delivery, items }) => ({
      delivery: { ...delivery, name: markup },
      items: items.map((item) => ({ ...item, name: markup, brand: markup })),
      [markup]: markup,
    }));
    await page.goto(`${url}/?order=${encodeURIComponent(markup)}`);
    await untilState("found");
    for (const name of ["order_uid", "delivery.name", "items.0.name", "items.0.brand"])
      expect(await text(name)).toBe(markup);
    expect(await page.locator("main img, main script").count()).toBe(0);
    expect(await page.title()).toBe(`${markup} · Orders`);
  });

  test("shows fields that it does not know, under their own names", async () => {
    store("more", ({ payment }) => ({ gift: { wrap: true }, payment: { ...payment, iban: "DE00" } }));
    await page.goto(`${url}/?order=more`);
    await untilState("found");
    expect(await text("gift")).toBe('{"wrap":true}');
    expect(await text("payment.iban")).toBe("DE00");
  });

  test.each([
    { width: 320, height: 640 },
    { width: 1100, height: 800 },
  ])("is not broken by extreme orders at $width pixels", async (viewport) => {
    const long = "x".repeat(10_000);
    store("extreme", ({ delivery, payment, items }) => ({
      delivery: { ...delivery, name: long, city: "ירושלים", address: "قميص".repeat(500) },
      payment: { ...payment, currency: "not a currency", amount: Number.MAX_SAFE_INTEGER, payment_dt: 253402300799 },
      date_created: "2016-12-31T23:59:60Z",
      items: Array.from({ length: 50 }, () => ({ ...items[0], name: long, total_price: Number.MAX_SAFE_INTEGER })),
      [long]: long,
    }));
    await page.setViewportSize(viewport);
    await page.goto(`${url}/?order=extreme`);
    await untilState("found");
    expect(await page.evaluate("document.documentElement.scrollWidth <= innerWidth")).toBe(true);
    expect(await text("payment.amount")).toBe("9,007,199,254,740,991 not a currency");
    expect(await text("items.sum")).toBe("450,359,962,737,049,550 not a currency");
    expect(await text("payment.payment_dt")).toContain("9999");
    // A leap second is no instant in JavaScript, and is shown as it was published.
    expect(await text("date_created")).toBe("2016-12-31T23:59:60Z");
  });

  test("says that there is no such order, and finds it when it has come", async () => {
    await page.goto(`${url}/?order=later`);
    await untilState("unknown");
    expect(await result().textContent()).toContain("There is no such order");
    store("later", () => ({}));
    await page.click("#retry");
    await untilState("found");
  });

  test("offers to leave out spaces that came along with an id", async () => {
    await page.goto(url);
    await lookUp(` ${SAMPLE_ID} `);
    await untilState("unknown");
    await page.click("text=Look without them");
    await untilState("found");
  });

  test.each(["..", "a\u0085b", "x".repeat(129)])("says that %j is not a valid id, without asking", async (id) => {
    const asked: string[] = [];
    page.on("request", (request) => asked.push(new URL(request.url()).pathname));
    await page.goto(`${url}/?order=${encodeURIComponent(id)}`);
    await untilState("malformed");
    expect(await result().textContent()).toContain("not a valid id");
    expect(asked.filter((path) => path.startsWith("/orders"))).toEqual([]);
  });

  test("takes any id that an order may have", async () => {
    for (const id of ["a/b c?d#e%f&g=h+i", "заказ 🛒"]) {
      store(id, () => ({}));
      await page.goto(url);
      await lookUp(id);
      await untilState("found");
      expect(await text("order_uid")).toBe(id);
      await page.reload();
      await untilState("found");
      expect(await text("order_uid")).toBe(id);
    }
  });

  test("says that an order cannot be reached now, and shows it on Retry when it can, with the focus on it", async () => {
    isDown = true;
    await page.goto(`${url}/?order=${SAMPLE_ID}`);
    await untilState("unavailable");
    expect(await result().textContent()).toContain("cannot be reached now");
    expect(await page.textContent("#status")).toContain("Cannot be reached now");
    isDown = false;
    await page.focus("#retry");
    await page.keyboard.press("Enter");
    await untilState("found");
    await page.waitForFunction('document.activeElement.id === "order-title"');
  });

  test("says so when the reader itself cannot be reached", async () => {
    await page.goto(url);
    await page.context().setOffline(true);
    await lookUp(SAMPLE_ID);
    await untilState("unavailable");
    expect(await result().textContent()).toContain("This device is offline");
    await page.context().setOffline(false);
    await page.click("#retry");
    await untilState("found");
  });

  test("shows only the last of several look-ups, whatever order their answers come in", async () => {
    await page.goto(url);
    let release = (): void => {};
    const held = new Promise<void>((resolve) => {
      release = resolve;
    });
    await page.route("**/orders/slow", async (route) => {
      await held;
      await route.continue().catch(() => {});
    });
    await lookUp("slow");
    await untilState("loading");
    await lookUp(SAMPLE_ID);
    await untilState("found");
    release();
    await page.waitForLoadState("networkidle");
    expect(await text("order_uid")).toBe(SAMPLE_ID);
  });
});
