import { readFileSync } from "node:fs";
import { join } from "node:path";
import { pino } from "pino";
import { type Browser, chromium } from "playwright-core";
import { createPrisma } from "../../prisma/client";
import { createApp } from "../../reader/app";
import { createAskForOrders } from "../../reader/ask-for-orders";
import { createFindOrder } from "../../reader/find-order";
import { createReaderMetrics } from "../../reader/metrics";
import { createOrderCache } from "../../reader/order-cache";
import { createRecentOrders } from "../../reader/recent-orders";
import { serve } from "../../reader/serve";
import { createRecentStream } from "../../reader/stream-recent";
import { projectRoot } from "../../runtime/project-root";
import { type HalfOpenProxy, startHalfOpenProxy } from "./half-open-proxy";
import { pathOf } from "./machine";
import { createTestDatabase } from "./test-database";
import { openOrderWriter } from "./write-orders";

/** The sample order as it is published. */
export const SAMPLE = readFileSync(join(projectRoot(), "ingestor/order-example.json"), "utf8");
export const SAMPLE_ID = "b563feb7b2b84b6test";

/**
 * Parts of a whole browser that nobody sees here: the two pages in which its address bar would show what it suggests,
 * loaded anew for each window, and a process made ahead for the page after this one. Without them a window takes half
 * the processor time.
 */
const UNUSED_FEATURES = ["WebUIOmniboxPopup", "WebUIOmniboxAimPopup", "SpareRendererForSitePerProcess"];
/** Playwright names these, and Chromium heeds the last list alone. */
const UNWANTED_BY_PLAYWRIGHT = [
  "AvoidUnnecessaryBeforeUnloadCheckSync",
  "DestroyProfileOnBrowserClose",
  "HttpsUpgrades",
  "HttpsFirstBalancedModeAutoEnable",
  "LensOverlay",
  "MediaRouter",
  "PaintHolding",
  "ThirdPartyStoragePartitioning",
  "AvoidCorsURLLoaderRestartOnRedirect",
  "OptimizationHints",
  "NetworkTimeServiceQuerying",
  "AimEnabled",
  "PreconnectToSearch",
];

type Sample = typeof import("../../ingestor/order-example.json");

/** The page as the reader's own app serves it, a real browser, and a real Postgres that can fall silent. */
export interface RunningPage {
  readonly url: string;
  /** The same with READER_RECENT=off. */
  readonly unwatchedUrl: string;
  readonly browser: Browser;
  readonly postgres: HalfOpenProxy;
  /** Stores the sample with other values and under another id. @param retouch changes the text that is stored */
  store(id: string, change: (order: Sample) => object, retouch?: (text: string) => string): Promise<void>;
  stop(): Promise<void>;
}

export async function runPage(): Promise<RunningPage> {
  const browser = await chromium.launch({
    executablePath: pathOf("chromium"),
    args: [
      "--headless",
      "--no-sandbox",
      "--disable-gpu",
      "--disable-quic",
      "--no-first-run",
      "--disable-background-networking",
      "--disable-component-update",
      "--disable-sync",
      `--disable-features=${[...UNUSED_FEATURES, ...UNWANTED_BY_PLAYWRIGHT].join()}`,
    ],
  });
  const database = await createTestDatabase();
  const writer = await openOrderWriter(database.ingestorUrl);
  await writer.write({ [SAMPLE_ID]: SAMPLE });
  const postgres = await startHalfOpenProxy(database.readerUrl);
  const prisma = createPrisma(postgres.url, { connections: 4, name: "test-page", answerWithinMs: 1_900 });
  // Prisma builds its engine with the first question, and a look-up has a deadline.
  await prisma.order.count();
  // The cache is of no use, so that every look-up asks Postgres.
  const findOrder = createFindOrder({ cache: createOrderCache(1), ask: createAskForOrders(prisma), atOnce: 4 });
  const log = pino({ level: "silent" });
  const orders = createRecentOrders(prisma, log);
  const recent = createRecentStream(orders);
  const metrics = createReaderMetrics();
  const deps = { findOrder, refreshState: () => ({ kind: "live" }) as const, metrics, log };
  const listen = (app: ReturnType<typeof createApp>) => serve(app.callback(), { host: "127.0.0.1", port: 0 });
  const server = await listen(createApp({ ...deps, recent }));
  const unwatched = await listen(createApp(deps));
  return {
    url: server.url,
    unwatchedUrl: unwatched.url,
    browser,
    postgres,
    store: async (id, change, retouch = (text) => text) => {
      const order: Sample = JSON.parse(SAMPLE);
      await writer.write({ [id]: retouch(JSON.stringify({ ...order, order_uid: id, ...change(order) })) });
    },
    stop: async () => {
      await browser.close();
      recent.stop();
      orders.stop();
      await Promise.all([server.stop(), unwatched.stop()]);
      await prisma.$disconnect();
      await postgres.close();
      await writer.close();
      await database.drop();
    },
  };
}
