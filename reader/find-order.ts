import { layOut } from "../prisma/laid-order";
import { isPossibleOrderId } from "../prisma/order-id";
import type { OrderCache, ReadyOrder } from "./order-cache";

/**
 * An order by its id: from memory, else from Postgres, which is asked once however many wait. Ids that come in the same turn
 * of the event loop, or while all that may be asked at the same time is being asked, are asked for together, in one
 * statement; if that fails, or an order is large, each of them alone: nobody waits for another one's order, or fails with it.
 *
 * An id's question is `waiting`, then asked, perhaps `waiting` once more to be asked alone, then settled and forgotten.
 * Whoever comes while it is open waits for the same answer. *Found* is true for all of them. *Not found* is true only for
 * those who came before it was asked: the order may have been stored since, so the others ask once more. What could not
 * be asked is `unavailable`, never *not found*.
 */

export type FoundOrder =
  | { readonly kind: "found"; readonly order: ReadyOrder; readonly from: "memory" | "postgres" }
  | { readonly kind: "not-found" }
  | { readonly kind: "unavailable"; readonly because: string };

/** A row of orders as Prisma gives it. */
export interface StoredOrder {
  readonly document: string;
  readonly sha256: Uint8Array;
}

/** Asks Postgres. An error means that it could not say. */
export interface AskForOrders {
  /** Undefined means that there is no such order. */
  alone(id: string): Promise<StoredOrder | undefined>;
  /** What has no entry does not exist; what is `large` exists, and has to be asked for alone. */
  together(ids: readonly string[]): Promise<ReadonlyMap<string, StoredOrder | "large">>;
}

export interface FindOrderOptions {
  readonly cache: OrderCache;
  readonly ask: AskForOrders;
  /** Statements in Postgres at the same time; no more than the pool has connections. */
  readonly atOnce: number;
  /** Questions that wait for those; one more is unavailable at once. */
  readonly mostWaiting?: number;
  /** Told why when questions begin to fail, and undefined when one is answered again. */
  readonly onOutage?: (because: string | undefined) => void;
  /** From the request on, so that a frozen Postgres costs nobody more than this. */
  readonly deadlineMs?: number;
}

interface Question {
  readonly id: string;
  /** False once it is settled: then it need not be asked any more. */
  isOpen: boolean;
  isAlone: boolean;
  readonly settle: (found: FoundOrder) => void;
}

const DEADLINE_MS = 2_000;
const MOST_WAITING = 1_000;
/** Orders that one statement asks for, which takes a millisecond. */
const MOST_TOGETHER = 64;

const unavailable = (because: string): FoundOrder => ({ kind: "unavailable", because });

/** Makes the function that finds orders. It never rejects. */
export function createFindOrder({
  cache,
  ask,
  atOnce,
  onOutage = () => {},
  mostWaiting = MOST_WAITING,
  deadlineMs = DEADLINE_MS,
}: FindOrderOptions): (id: string) => Promise<FoundOrder> {
  /** The answers to come, of all questions that are waiting or asked. */
  const open = new Map<string, Promise<FoundOrder>>();
  const waiting = new Map<string, Question>();
  let asking = 0;
  let isAboutToAsk = false;
  let isOutage = false;
  const report = (result: FoundOrder): void => {
    if (isOutage === (result.kind === "unavailable")) return;
    isOutage = !isOutage;
    onOutage(result.kind === "unavailable" ? result.because : undefined);
  };

  const take = (id: string, stored: StoredOrder | undefined): FoundOrder => {
    if (!stored) return { kind: "not-found" };
    const body = Buffer.from(stored.document);
    cache.add(layOut({ id, document: body, sha256: stored.sha256 }));
    const etag = `"${Buffer.from(stored.sha256).toString("hex")}"`;
    return { kind: "found", order: { body, etag }, from: "postgres" };
  };

  const askFor = async (questions: readonly Question[]): Promise<void> => {
    const [first] = questions;
    try {
      if (first && questions.length === 1) {
        first.settle(take(first.id, await ask.alone(first.id)));
        return;
      }
      const orders = await ask.together(questions.map(({ id }) => id));
      for (const question of questions) {
        const stored = orders.get(question.id);
        if (stored === "large") waitToBeAlone(question);
        else question.settle(take(question.id, stored));
      }
    } catch (error) {
      const because = error instanceof Error ? error.message : String(error);
      if (questions.length === 1) first?.settle(unavailable(because));
      else for (const question of questions) waitToBeAlone(question);
    }
  };

  const waitToBeAlone = (question: Question): void => {
    question.isAlone = true;
    if (!question.isOpen) return;
    waiting.set(question.id, question);
    askSoon();
  };

  /** Those that are asked next: the first, with others that may be asked together with it. */
  const takeWaiting = (): readonly Question[] => {
    const questions: Question[] = [];
    for (const question of waiting.values()) {
      if (questions.length === MOST_TOGETHER) break;
      if (questions.length > 0 && question.isAlone) continue;
      questions.push(question);
      if (question.isAlone) break;
    }
    for (const { id } of questions) waiting.delete(id);
    return questions;
  };

  /** Once all of this turn have come: a statement for each of them would cost several times as much. */
  const askSoon = (): void => {
    if (isAboutToAsk) return;
    isAboutToAsk = true;
    setImmediate(() => {
      isAboutToAsk = false;
      while (asking < atOnce && waiting.size > 0) void askForWaiting();
    });
  };

  const askForWaiting = async (): Promise<void> => {
    asking += 1;
    while (waiting.size > 0) await askFor(takeWaiting());
    asking -= 1;
  };

  const pose = (id: string): Promise<FoundOrder> => {
    const answer = new Promise<FoundOrder>((resolve) => {
      if (waiting.size >= mostWaiting) {
        resolve(unavailable("too many questions are waiting"));
        return;
      }
      const question: Question = {
        ...{ id, isOpen: true, isAlone: false },
        settle: (found) => {
          question.isOpen = false;
          clearTimeout(deadline);
          resolve(found);
        },
      };
      const deadline = setTimeout(() => {
        waiting.delete(id);
        question.settle(unavailable(`no answer within ${deadlineMs} ms`));
      }, deadlineMs).unref();
      waiting.set(id, question);
    }).finally(() => open.delete(id));
    open.set(id, answer);
    void answer.then(report);
    askSoon();
    return answer;
  };

  return async function findOrder(id) {
    const isPossible = isPossibleOrderId(id);
    for (let mayBeOld = true; ; mayBeOld = false) {
      const order = cache.find(id);
      if (order) return { kind: "found", order, from: "memory" };
      if (!isPossible) return { kind: "not-found" };
      // On the second way round every open question was posed after this request came.
      const isOld = mayBeOld && open.has(id) && !waiting.has(id);
      const result = await (open.get(id) ?? pose(id));
      if (result.kind !== "not-found" || !isOld) return result;
    }
  };
}
