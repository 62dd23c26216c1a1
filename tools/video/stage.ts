import { readFileSync } from "node:fs";
import { join } from "node:path";
import { setTimeout as sleep } from "node:timers/promises";
import type { Browser, Frame, Page } from "playwright-core";
import { projectRoot } from "../../runtime/project-root";

/** What is filmed: Orders' page in a frame, a terminal below it, and a line that says what is going on. */
export interface Stage {
  readonly page: Page;
  /** Orders' page. */
  orders(): Frame;
  caption(text: string): Promise<void>;
  /** A title over everything; without a heading it goes away. */
  card(heading: string, text?: string): Promise<void>;
  /** How high the terminal is, in pixels; with 0 it is away. */
  terminal(height: number): Promise<void>;
  /** How wide the browser is, in pixels. */
  width(pixels: number): Promise<void>;
  /** Types a command as a person does. */
  type(command: string): Promise<void>;
  /** Shows what it has said. */
  print(lines: readonly string[]): Promise<void>;
}

export const SIZE = { width: 1280, height: 720 } as const;
const KEY_MS = 28;
const SHOW_LINE = `const terminal = document.getElementById("terminal"); terminal.append(line);
  terminal.scrollTop = terminal.scrollHeight;`;

/** @param readerUrl where the reader of the system is that is shown */
export async function openStage(browser: Browser, readerUrl: string): Promise<Stage> {
  const html = readFileSync(join(projectRoot(), "tools/video/stage.html"), "utf8");
  const page = await browser.newPage({ viewport: SIZE, locale: "en-US", timezoneId: "UTC", colorScheme: "light" });
  await page.route(`${readerUrl}/stage`, (route) => route.fulfill({ body: html, contentType: "text/html" }));
  // The page lets nobody frame it; this one may.
  await page.route(
    (url) => url.origin === readerUrl && url.pathname === "/",
    async (route) => {
      const response = await route.fetch();
      const { "content-security-policy": _, ...headers } = response.headers();
      await route.fulfill({ response, headers });
    },
  );
  await page.goto(`${readerUrl}/stage`);
  const set = (script: string, ...values: readonly unknown[]): Promise<unknown> =>
    page.evaluate(`((...v) => { ${script} })(...${JSON.stringify(values)})`);
  await set(
    `
    const frame = document.getElementById("orders");
    frame.src = v[0] + "/";
    setInterval(() => {
      const shown = decodeURIComponent(frame.contentWindow.location.href).replace("http://", "");
      const address = document.getElementById("address");
      if (address.textContent !== shown) address.textContent = shown;
    }, 50);
  `,
    readerUrl,
  );
  await page.frameLocator("#orders").locator("#order-id").waitFor();
  return {
    page,
    orders: () => page.frame({ name: "orders" }) as Frame,
    caption: async (text) => void (await set(`document.getElementById("caption").textContent = v[0];`, text)),
    card: async (heading, text = "") => {
      await set(
        `const card = document.getElementById("card");
         if (v[0]) { card.children[0].textContent = v[0]; card.children[1].textContent = v[1]; }
         card.hidden = !v[0];`,
        ...[heading, text],
      );
    },
    terminal: async (height) => {
      await set(
        `const terminal = document.getElementById("terminal");
         terminal.style.height = v[0] + "px"; terminal.style.paddingBlock = v[0] ? "12px 4px" : 0;
         if (!v[0]) terminal.replaceChildren();`,
        height,
      );
    },
    width: async (pixels) => void (await set(`document.getElementById("browser").style.width = v[0] + "px";`, pixels)),
    type: async (command) => {
      await set(`const line = document.createElement("p"); line.className = "typed"; line.textContent = "$ ";
        ${SHOW_LINE}`);
      for (const part of command.match(/.{1,3}/gs) ?? []) {
        await set(`document.getElementById("terminal").lastElementChild.textContent += v[0];`, part);
        await sleep(KEY_MS * part.length);
      }
    },
    print: async (lines) => {
      await set(
        `for (const text of v[0]) { const line = document.createElement("p"); line.textContent = text || " ";
         ${SHOW_LINE} }`,
        lines,
      );
    },
  };
}
