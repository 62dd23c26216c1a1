import type pg from "pg";
import { SteadyClient } from "../prisma/steady-client";
import { readSettings } from "../runtime/settings";
import { widthOf } from "./align-columns";
import { countLetters } from "./dlq/count-letters";
import { describeLetter, describeList, describeStats, viewOf } from "./dlq/describe";
import { findLetter, listLetters } from "./dlq/find-letters";
import { type DlqOptions, readOptions } from "./dlq/options";
import { loadLocalEnv } from "./local-env";
import { print, runCommand } from "./run-command";

/** A look at the dead letters without a Kafka client. `npm run dlq -- --help` tells the rest. */
async function main(args: readonly string[]): Promise<number> {
  const now = new Date();
  const options = readOptions(args, now);
  loadLocalEnv();
  const client = new SteadyClient({
    connectionString: readSettings(["DATABASE_URL"]).DATABASE_URL,
    application_name: "orders-dlq",
    connectionTimeoutMillis: 10_000,
    options: "-c default_transaction_read_only=on",
  });
  await client.connect();
  const exitCode = await answer(client, options, now);
  await client.end();
  return exitCode;
}

async function answer(client: pg.Client, options: DlqOptions, now: Date): Promise<number> {
  const tell = (result: object, text: string): Promise<void> =>
    print(options.json ? `${JSON.stringify(result)}\n` : text);
  const width = widthOf(process.stdout);
  if (options.command === "stats") {
    const stats = await countLetters(client);
    await tell(stats, describeStats(stats, now, width));
    return 0;
  }
  if (options.command === "list") {
    const found = await listLetters(client, options);
    await tell(found, describeList(found, now, width));
    return 0;
  }
  const letter = await findLetter(client, options.id);
  if (!letter) {
    process.stderr.write(`there is no dead letter ${JSON.stringify(options.id)}: npm run dlq -- list names them\n`);
    return 1;
  }
  if (options.raw) await print(letter.value ?? Buffer.alloc(0));
  else await tell(viewOf(letter, options.full), describeLetter(letter, options.full));
  return 0;
}

runCommand(main, "nothing was changed; the same command begins anew");
