import { createHash, randomInt } from "node:crypto";
import { Agent, get } from "node:http";
import { setTimeout as sleep } from "node:timers/promises";
import type { Answers } from "./answers";
import type { KnownOrder, KnownOrders } from "./known-orders";

export interface AskReaderDeps {
  readonly url: string;
  /** The reader's number. */
  readonly reader: number;
  readonly orders: KnownOrders;
  readonly answers: Answers;
  readonly isCommitted: (order: KnownOrder) => boolean;
  readonly signal: AbortSignal;
}

const AT_ONCE = 8;
/** Together 160 questions a second about orders of any age, beside those about new ones. */
const PAUSE_MS = 50;
const AFTER_FAILURE_MS = 100;
/** Longer than a reader lets anybody wait for PostgreSQL: who says nothing for so long is dead or frozen. */
const ANSWER_WITHIN_MS = 5_000;
/** One in so many new orders is asked for before its commit is known: its 404 must not stick. */
const EAGER_ONE_IN = 8;

/** Asks one reader until the signal comes: each new order until it is read, and older ones again and again. */
export async function askReader(deps: AskReaderDeps): Promise<void> {
  const agent = new Agent({ keepAlive: true, maxSockets: AT_ONCE });
  await Promise.all(Array.from({ length: AT_ONCE }, () => askOn(deps, agent)));
  agent.destroy();
}

async function askOn({ url, reader, orders, answers, isCommitted, signal }: AskReaderDeps, agent: Agent) {
  while (!signal.aborted) {
    const unread = orders.takeUnread(reader, (order) => order.offset % EAGER_ONE_IN === 0 || isCommitted(order));
    const order = unread ?? orders.askable[randomInt(orders.askable.length + 1)];
    if (!order) {
      await sleep(PAUSE_MS);
      continue;
    }
    const question = { order, reader, isCommitted: isCommitted(order) };
    const answer = await ask(url, order.id, agent).catch(() => undefined);
    const isRead = answer !== undefined && answers.judge(question, answer);
    if (unread && isRead) orders.done();
    else if (unread) orders.giveBack(reader, order);
    if (!answer) await sleep(AFTER_FAILURE_MS);
    else if (!unread || !isRead) await sleep(PAUSE_MS);
  }
}

/** Asks a reader for every order, with nobody but its memory to answer. Returns how many it did not serve. */
export async function askFromMemory({
  url,
  reader,
  orders,
  answers,
}: Pick<AskReaderDeps, "url" | "reader" | "orders" | "answers">): Promise<number> {
  const agent = new Agent({ keepAlive: true, maxSockets: AT_ONCE });
  let next = 0;
  let unserved = 0;
  const askInTurn = async (): Promise<void> => {
    for (let order = orders.all[next++]; order; order = orders.all[next++]) {
      const answer = await ask(url, order.id, agent).catch(() => undefined);
      if (answer && answers.judge({ order, reader, isCommitted: true }, answer)) continue;
      unserved += 1;
      process.stderr.write(`unserved ${url} ${order.id} ${order.partition}:${order.offset} ${answer?.status}\n`);
    }
  };
  await Promise.all(Array.from({ length: AT_ONCE }, askInTurn));
  agent.destroy();
  return unserved;
}

interface Answer {
  readonly status: number;
  readonly sha256: string;
}

/** @throws the socket's error, or an error when no whole answer has come in time */
function ask(url: string, id: string, agent: Agent): Promise<Answer> {
  return new Promise((resolve, reject) => {
    const signal = AbortSignal.timeout(ANSWER_WITHIN_MS);
    const request = get(`${url}/orders/${encodeURIComponent(id)}`, { agent, signal }, (response) => {
      const digest = createHash("sha256");
      response.on("data", (chunk: Buffer) => digest.update(chunk));
      response.on("error", reject);
      response.on("end", () => {
        if (response.complete) resolve({ status: response.statusCode ?? 0, sha256: digest.digest("hex") });
        else reject(new Error("the answer was cut off"));
      });
    });
    request.on("error", reject);
  });
}
