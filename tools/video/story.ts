import { readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { setTimeout as sleep } from "node:timers/promises";
import { projectRoot } from "../../runtime/project-root";
import type { DemoSystem } from "./demo-system";
import type { Film } from "./film";
import type { Stage } from "./stage";

interface Set {
  readonly stage: Stage;
  readonly film: Film;
  readonly system: DemoSystem;
  /** Where the commands find their files. */
  readonly folder: string;
}

type Order = typeof import("../../ingestor/order-example.json");

const GOOD_ID = "demo-2026-0001";
const MENDED_ID = "demo-2026-0002";
const WIDE = 1_252;
const PHONE = 390;
const TERMINAL = 250;

/** The whole story, scene by scene. */
export async function play(set: Set): Promise<void> {
  writeOrders(set.folder);
  await title(set);
  await publishAndLookUp(set);
  await wrongId(set);
  await forEverybody(set);
  await rubbish(set);
  await set.stage.card("npm start", "runs all of this on your machine");
  await sleep(3_000);
}

/** An order as the sample, and one whose amount is a text instead of a number. */
function writeOrders(folder: string): void {
  const sample = readFileSync(join(projectRoot(), "ingestor/order-example.json"), "utf8");
  const write = (name: string, id: string, change: (text: string) => string): void => {
    const order: Order = { ...JSON.parse(sample), order_uid: id };
    writeFileSync(join(folder, name), change(JSON.stringify(order)));
  };
  write("order.json", GOOD_ID, (text) => text);
  write("rubbish.json", MENDED_ID, (text) => text.replace('"amount":1817', '"amount":"1817"'));
}

async function title({ stage }: Set): Promise<void> {
  await stage.card("Orders", "Kafka → PostgreSQL → a page, and nothing is lost on the way");
  await stage.terminal(TERMINAL);
  await sleep(2_300);
  await stage.card("");
}

async function publishAndLookUp({ stage, film, system, folder }: Set): Promise<void> {
  await stage.caption("An order is published to Kafka …");
  await sleep(900);
  await runShown({ stage, film, system, folder }, "npm run publish -- order.json");
  const orders = stage.orders();
  const link = orders.getByRole("link", { name: GOOD_ID });
  await film.cut(link.waitFor());
  await stage.caption("… and is on the page at once, without a reload");
  await sleep(2_600);
  await stage.terminal(0);
  await stage.caption("One click, a pasted id or a link shows it exactly as it was published");
  await link.click();
  await film.cut(orders.locator("article").waitFor());
  await sleep(3_000);
  await orders.locator(".raw > summary").scrollIntoViewIfNeeded();
  await orders.locator(".raw > summary").click();
  await orders.evaluate("scrollBy({ top: 420, behavior: 'smooth' })");
  await stage.caption("Its JSON can be folded, part by part");
  await sleep(1_300);
  for (const name of ["delivery", "payment"]) {
    await orders.locator(".json summary", { hasText: name }).click();
    await sleep(600);
  }
  await sleep(900);
}

async function wrongId({ stage }: Set): Promise<void> {
  const orders = stage.orders();
  await orders.evaluate("scrollTo(0, 0)");
  await stage.caption("A wrong id is answered in words, not in codes");
  await typeId(stage, "demo-2026-9999");
  await orders.locator('[data-state="unknown"]').waitFor();
  await sleep(2_400);
}

async function forEverybody({ stage }: Set): Promise<void> {
  const orders = stage.orders();
  await typeId(stage, GOOD_ID);
  await orders.locator("article").waitFor();
  await stage.caption("In Russian …");
  await orders.getByText("Русский").click();
  await sleep(2_200);
  await stage.caption("… in the dark …");
  await stage.page.emulateMedia({ colorScheme: "dark" });
  await sleep(1_800);
  await stage.caption("… and on a phone");
  await stage.width(PHONE);
  await sleep(1_600);
  await orders.evaluate("scrollBy({ top: 500, behavior: 'smooth' })");
  await sleep(1_700);
  await stage.page.emulateMedia({ colorScheme: "light" });
  await orders.evaluate("scrollTo(0, 0)");
  await orders.getByText("English").click();
  await stage.width(WIDE);
}

async function rubbish(set: Set): Promise<void> {
  const { stage, film } = set;
  const orders = stage.orders();
  await stage.terminal(TERMINAL);
  await stage.caption("Rubbish is thrown in: an order whose amount is a text");
  await sleep(900);
  await runShown(set, "npm run publish -- rubbish.json");
  await typeId(stage, MENDED_ID);
  await orders.locator('[data-state="unknown"]').waitFor();
  await sleep(1_600);
  await stage.caption("It is not lost: it waits in the dead letters, with the reason");
  await runShown(set, "npm run dlq -- list");
  await sleep(3_400);
  await stage.caption("Mended and replayed …");
  await runShown(set, `npm run replay-dlq -- --edit "sed 's/\\"1817\\"/1817/'" --go`);
  await film.cut(orders.locator("article").waitFor());
  await stage.caption("… it appears by itself on the page that was waiting for it");
  await sleep(2_400);
  await stage.terminal(0);
  await sleep(2_000);
}

/** Types the command, runs it, and shows what it really says; the wait is cut out. */
async function runShown({ stage, film, system, folder }: Set, command: string): Promise<void> {
  await stage.type(command);
  const real = command.replace(/ -- (\w+\.json)$/, ` -- ${folder}/$1`).replace("npm run", "npm run --silent");
  const lines = await film.cut(system.run(real));
  // As it is said to whoever stands in the folder.
  await stage.print(lines.map((line) => line.replace(`${folder}/`, "")));
}

async function typeId(stage: Stage, id: string): Promise<void> {
  const field = stage.orders().locator("#order-id");
  await field.fill("");
  await field.pressSequentially(id, { delay: 20 });
  await field.press("Enter");
}
