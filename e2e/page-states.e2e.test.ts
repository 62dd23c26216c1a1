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
  offline: async (page) => {
    await page.goto(running.url);
    await page.context().setOffline(true);
    await page.fill("#order-id", SAMPLE_ID);
    await page.press("#order-id", "Enter");
    await page.waitForSelector('#result[data-state="unavailable"]');
  },
  "by-hand": async (page) => {
    await page.route("**/*.js", (route) => route.abort());
    await page.goto(`${running.url}/?order=${SAMPLE_ID}`);
    await page.waitForSelector(".by-hand");
    await page.evaluate("for (const each of document.getAnimations()) each.finish()");
  },
  print: async (page) => {
    await open(page, SAMPLE_ID, "found");
    await page.emulateMedia({ media: "print" });
  },
  plain: (page) => openPlain(page, SAMPLE_ID, "found"),
  "plain-unknown": (page) => openPlain(page, "nothing ", "unknown"),
  "plain-malformed": (page) => openPlain(page, "..", "malformed"),
  "plain-unavailable": async (page) => {
    running.postgres.fallSilent({ alsoNew: true });
    await openPlain(page, SAMPLE_ID, "unavailable");
    running.postgres.recover();
  },
  docs: async (page) => {
    await page.goto(`${running.url}/docs`);
  },
  // Ten seconds are left until it is another state.
  slow: async (page) => {
    await page.route("**/orders/*", () => {});
    await open(page, SAMPLE_ID, "loading");
    await page.getByText("longer than usual").or(page.getByText("больше времени")).first().waitFor();
  },
  "timed-out": async (page) => {
    await page.clock.install();
    await page.route("**/orders/*", () => {});
    await open(page, SAMPLE_ID, "loading");
    await page.clock.fastForward(10_100);
    await page.waitForSelector('#result[data-state="unavailable"]');
  },
};

/** Every picture is taken; axe judges those looks that differ in everything, which is half of them. */
const LOOKS = [
  { colorScheme: "light", width: 1100, judgedIn: "en-US" },
  { colorScheme: "dark", width: 1100, judgedIn: "ru-RU" },
  { colorScheme: "light", width: 320, judgedIn: "ru-RU" },
  { colorScheme: "dark", width: 320, judgedIn: "en-US" },
] as const;

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

async function openPlain(page: Page, id: string, state: string): Promise<void> {
  await page.goto(`${running.url}/plain?order=${encodeURIComponent(id)}`);
  await page.waitForSelector(`#result[data-state="${state}"]`);
}

/** The rules that are broken, each with its place; what is hidden is not judged. */
async function askAxe(page: Page): Promise<readonly string[]> {
  // It is half a megabyte, and stays for the other looks of the same document.
  if (!(await page.evaluate("'axe' in window"))) await page.evaluate(AXE);
  const found: { passed: number; violations: string[] } = await page.evaluate(
    "axe.run({ resultTypes: ['violations'] }).then(({ passes, violations }) => ({ passed: passes.length, " +
      "violations: violations.flatMap(({ id, nodes }) => nodes.map(({ html }) => [id, html].join())) }))",
  );
  return found.passed > 10 ? found.violations : ["axe has judged nothing"];
}

test.each(["en-US", "ru-RU"])("the page is without fault in every state and look in %s", async (locale) => {
  const page = await running.browser.newPage({ locale, timezoneId: "UTC", bypassCSP: true, reducedMotion: "reduce" });
  try {
    page.setDefaultTimeout(WAIT_MS);
    for (const [state, reach] of Object.entries(STATES)) {
      await reach(page);
      for (const { colorScheme, width, judgedIn } of LOOKS) {
        const look = [state, locale.slice(0, 2), colorScheme, width].join("-");
        await page.emulateMedia({ colorScheme });
        await page.setViewportSize({ width, height: 800 });
        const isNarrow = await page.evaluate("document.documentElement.scrollWidth <= innerWidth");
        expect([look, isNarrow]).toEqual([look, true]);
        // A picture of ten thousand characters takes longer than it is worth.
        await page.screenshot({ path: join(PICTURES, `${look}.png`), fullPage: state !== "extreme" });
        // Paper is not read out.
        if (judgedIn === locale && state !== "print") expect([look, await askAxe(page)]).toEqual([look, []]);
      }
      await page.unrouteAll({ behavior: "ignoreErrors" });
      await page.context().setOffline(false);
      await page.emulateMedia({ media: null });
    }
  } finally {
    await page.close();
  }
});
