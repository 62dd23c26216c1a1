import { setTimeout as sleep } from "node:timers/promises";
import { runCommand } from "../run-command";
import { Answers } from "./answers";
import { askFromMemory, askReader } from "./ask-reader";
import { KnownOrders } from "./known-orders";
import { followSends } from "./sends-file";
import { watchCommits } from "./watch-commits";

/**
 * The chaos's asker: node asker-main.js FILE READER_URL…, with the owner's DATABASE_URL. It asks the readers for
 * acknowledged orders all the time. Its parent says "finish": it waits until every order that was acknowledged has been
 * read from every reader, and sends its findings; then "from-memory", while PostgreSQL is out of the readers' reach: it
 * asks every reader for every order once more.
 */

const LOOK_EVERY_MS = 50;
const FINISH_WITHIN_MS = 30_000;

runCommand(async ([file = "", ...readers]) => {
  process.once("disconnect", () => process.exit(1));
  process.on("SIGINT", () => {});
  const told = new Promise<void>((resolve) => process.once("message", () => resolve()));
  const sends = followSends(file);
  const orders = new KnownOrders(readers.length);
  const answers = new Answers(readers);
  const stopping = new AbortController();
  const isCommitted = watchCommits(process.env["DATABASE_URL"] ?? "", stopping.signal);
  const asking = readers.map((url, reader) =>
    askReader({ url, reader, orders, answers, isCommitted, signal: stopping.signal }),
  );

  let isTold = false;
  void told.then(() => {
    isTold = true;
  });
  for (let deadline = Number.POSITIVE_INFINITY; ; await sleep(LOOK_EVERY_MS)) {
    orders.learn(sends.readNew());
    if (isTold) deadline = Math.min(deadline, Date.now() + FINISH_WITHIN_MS);
    if (isTold && (orders.unread() === 0 || Date.now() > deadline)) break;
  }
  stopping.abort();
  await Promise.all(asking);
  const fromMemory = new Promise<void>((resolve) => process.once("message", () => resolve()));
  process.send?.({ ...answers.findings(), unread: orders.unread() });

  await fromMemory;
  const remembered = new Answers(readers);
  let unserved = 0;
  for (const [reader, url] of readers.entries()) {
    unserved += await askFromMemory({ url, reader, orders, answers: remembered });
  }
  process.send?.({ ...remembered.findings(), unserved });
  return 0;
});
