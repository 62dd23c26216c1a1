import { relative } from "node:path";
import type { Home } from "./home";
import type { Services } from "./services";

type Row = readonly [name: string, value: string];

/** As a person who stands in the folder where npm was typed would name it. */
function shown(path: string): string {
  const typed = relative(process.env["INIT_CWD"] ?? process.cwd(), path);
  const name = typed.startsWith("..") ? path : `./${typed}`;
  return /^[\w./-]+$/.test(name) ? name : `'${name.replaceAll("'", `'\\''`)}'`;
}

/**
 * The one screen at the end of a start: where everything is and what to do next.
 *
 * @param sampleId the example order's, if the reader has it
 */
export function welcome(home: Home, services: Services, readerUrl: string, sampleId: string | undefined): string {
  const postgres = new URL(services.database.owner);
  const rows: Row[] = [
    ["Page", readerUrl],
    ...rowIf(sampleId, (id) => ["Sample", `${readerUrl}/?order=${encodeURIComponent(id)}`]),
    ["Kafka", services.brokers],
    ["Postgres", `${postgres.host}${postgres.pathname}`],
    ...rowIf(services.redis, (url) => ["Redis", new URL(url).host]),
    ["Addresses", home.path("env")],
    ["", ""],
    ["Try", "npm run publish -- --generate 1000"],
    ["", "npm run publish -- my-order.json"],
    ...rowIf(sampleId, (id) => ["", `curl ${readerUrl}/orders/${encodeURIComponent(id)}`]),
    ["", `. ${shown(home.path("env"))}; psql "$DATABASE_URL"`],
    ["Stop", "Ctrl-C; npm start goes on where it stopped, npm run reset forgets it all"],
  ];
  const lines = rows.map(([name, value]) => `  ${name.padEnd(11)}${value}`.trimEnd());
  return `\nOrders is running.\n\n${lines.join("\n")}\n`;
}

function rowIf(value: string | undefined, row: (value: string) => Row): Row[] {
  return value === undefined ? [] : [row(value)];
}
