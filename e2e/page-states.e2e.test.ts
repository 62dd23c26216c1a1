import { mkdirSync, readFileSync } from "node:fs";
import { join } from "node:path";
import type { Page } from "playwright-core";
import { projectRoot } from "../runtime/project-root";
import { type RunningPage, runPage, SAMPLE_ID } from "./support/run-page";

/**
 * Every state of the page as it looks: axe finds nothing to mend in it, it is no wider than the screen, and its picture
 * is in .local/screenshots for whoever wants to see it.
 */
const WAIT_MS = 60_000;
jest.setTimeout(4 * WAIT_MS);

const AXE = readFileSync(join(projectRoot(), "node_modules/axe-core/axe.min.js"), "utf8");
const PICTURES = join(projectRoot(), ".local/screenshots");
const LONG = "ж".repeat(10_000);

/** How each state is reached. */
const STATES: Readonly<Record<string, (page: Page) => Promise<void>>> = {
  idle: async (page) => {
    await page.goto(running.url);
    await page.evaluate(`localStorage.setItem("orders.recent", JSON.stringify(["${SAMPLE_ID}", "заказ 🛒"]))`);
    await page.reload();
    await page.waitForSelector("#live:not([hidden]) li");
  },
  found: (page) => open(page, SAMPLE_ID, "found"),
  unfolded: async (page) => {
    await open(page, SAMPLE_ID, "found");
    await page.click(".raw > summary");
    await page.waitForSelector(".json");
  },
  extreme: (page) => open(page, "extreme", "found"),
  unknown: (page) => open(page, "nothing ", "unknown"),
  malformed: (page) => open(page, "x".repeat(129), "malformed"),
  unavailable: async (page) => {
    await page.route("**/orders/*", (route) => route.fulfill({ status: 503 }));
    await open(page, SAMPLE_ID, "unavailable");
  },
  // Ten seconds are left until it is another state.
  slow: async (page) => {
    await page.route("**/orders/*", () => {});
    await open(page, SAMPLE_ID, "loading");
    await page.getByText("longer than usual").or(page.getByText("больше времени")).first().waitFor();
  },
  plain: async (page) => {
    await page.goto(`${running.url}/plain?order=${SAMPLE_ID}`);
  },
};

let running: RunningPage;

beforeAll(async () => {
  mkdirSync(PICTURES, { recursive: true });
  running = await runPage();
  await running.store("extreme", ({ delivery, payment, items }) => ({
    delivery: {
      ...delivery,
      name: "قميص ".repeat(40),
      city: "ירושלים",
      address: LONG.slice(0, 500),
      region: "<b>markup</b>",
    },
    payment: { ...payment, currency: "not a currency", amount: Number.MAX_SAFE_INTEGER },
    items: items.flatMap((item) => [
      { ...item, name: LONG },
      { ...item, name: "חולצה <script>", status: 1, total_price: 0 },
    ]),
  }));
});
afterAll(() => running?.stop());

async function open(page: Page, id: string, state: string): Promise<void> {
  await page.goto(`${running.url}/?order=${encodeURIComponent(id)}`);
  await page.waitForSelector(`#result[data-state="${state}"]`);
}

/** The rules that are broken, each with its place; what is hidden is not judged. */
async function askAxe(page: Page): Promise<readonly string[]> {
  await page.evaluate(AXE);
  const found: { passed: number; violations: string[] } = await page.evaluate(
    "axe.run({ resultTypes: ['violations'] }).then(({ passes, violations }) => ({ passed: passes.length, " +
      "violations: violations.flatMap(({ id, nodes }) => nodes.map(({ html }) => [id, html].join())) }))",
  );
  return found.passed > 10 ? found.violations : ["axe has judged nothing"];
}

describe.each([
  { locale: "en-US", colorScheme: "light", width: 1100 },
  { locale: "ru-RU", colorScheme: "dark", width: 1100 },
  { locale: "ru-RU", colorScheme: "light", width: 320 },
  { locale: "en-US", colorScheme: "dark", width: 320 },
] as const)("in $locale, $colorScheme and $width pixels wide", ({ locale, colorScheme, width }) => {
  test("the page is without fault in every state", async () => {
    const options = { locale, colorScheme, timezoneId: "UTC", viewport: { width, height: 800 }, bypassCSP: true };
    const page = await running.browser.newPage({ ...options, reducedMotion: "reduce" });
    try {
      page.setDefaultTimeout(WAIT_MS);
      const look = [locale.slice(0, 2), colorScheme, width].join("-");
      for (const [state, reach] of Object.entries(STATES)) {
        await reach(page);
        expect([state, await page.evaluate("document.documentElement.scrollWidth <= innerWidth")]).toEqual([
          state,
          true,
        ]);
        // A picture of ten thousand characters takes longer than it is worth.
        const fullPage = state !== "extreme";
        await page.screenshot({ path: join(PICTURES, `${state}-${look}.png`), fullPage });
        expect([state, await askAxe(page)]).toEqual([state, []]);
        await page.unrouteAll({ behavior: "ignoreErrors" });
      }
    } finally {
      await page.close();
    }
  });
});
