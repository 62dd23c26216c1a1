import { isPossibleOrderId } from "../prisma/order-id";
import { createTurns } from "../runtime/turns";
import type { OrderCache, ReadyOrder } from "./order-cache";

/**
 * An order by its id: from memory, else from Postgres, which is asked once however many wait.
 *
 * An id's question is `queued` while too many others are being asked, then `asked`, then settled and forgotten. Whoever
 * comes while it is queued or asked waits for the same answer. *Found* is true for all of them. *Not found* is true
 * only for those who came before it was asked: the order may have been stored since, so the others ask once more.
 * What could not be asked is `unavailable`, never *not found*.
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

/** Asks Postgres; undefined means that it has no such order, an error that it could not say. */
export type AskForOrder = (id: string) => Promise<StoredOrder | undefined>;

export interface FindOrderOptions {
  readonly cache: OrderCache;
  readonly ask: AskForOrder;
  /** Questions in Postgres at the same time; no more than the pool has connections. */
  readonly atOnce: number;
  /** Questions that wait for those; one more is unavailable at once. */
  readonly mostWaiting?: number;
  /** Told why when questions begin to fail, and undefined when one is answered again. */
  readonly onOutage?: (because: string | undefined) => void;
  /** From the request on, so that a frozen Postgres costs nobody more than this. */
  readonly deadlineMs?: number;
}

interface Question {
  /** `late`: the deadline came first, so it need not be asked any more. */
  state: "queued" | "asked" | "late";
}

interface OpenQuestion extends Question {
  readonly answer: Promise<FoundOrder>;
}

const DEADLINE_MS = 2_000;
const MOST_WAITING = 1_000;

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
  const open = new Map<string, OpenQuestion>();
  const takeTurn = createTurns(atOnce, mostWaiting);
  let isOutage = false;
  const report = (result: FoundOrder): void => {
    if (isOutage === (result.kind === "unavailable")) return;
    isOutage = !isOutage;
    onOutage(result.kind === "unavailable" ? result.because : undefined);
  };

  const askInTurn = async (id: string, question: Question): Promise<FoundOrder> => {
    const endTurn = await takeTurn();
    if (!endTurn) return unavailable("too many questions are waiting");
    try {
      if (question.state === "late") return unavailable("late");
      question.state = "asked";
      const stored = await ask(id);
      if (!stored) return { kind: "not-found" };
      const body = Buffer.from(stored.document);
      cache.add({ id, document: body, sha256: stored.sha256 });
      const etag = `"${Buffer.from(stored.sha256).toString("hex")}"`;
      return { kind: "found", order: { body, etag }, from: "postgres" };
    } catch (error) {
      return unavailable(error instanceof Error ? error.message : String(error));
    } finally {
      endTurn();
    }
  };

  const pose = (id: string): OpenQuestion => {
    const question: Question = { state: "queued" };
    const answer = new Promise<FoundOrder>((resolve) => {
      const deadline = setTimeout(() => {
        question.state = "late";
        resolve(unavailable(`no answer within ${deadlineMs} ms`));
      }, deadlineMs).unref();
      void askInTurn(id, question).then((result) => {
        clearTimeout(deadline);
        resolve(result);
      });
    }).finally(() => open.delete(id));
    void answer.then(report);
    const posed = Object.assign(question, { answer });
    open.set(id, posed);
    return posed;
  };

  return async function findOrder(id) {
    const isPossible = isPossibleOrderId(id);
    for (let mayBeOld = true; ; mayBeOld = false) {
      const order = cache.find(id);
      if (order) return { kind: "found", order, from: "memory" };
      if (!isPossible) return { kind: "not-found" };
      const earlier = open.get(id);
      // On the second way round every open question was posed after this request came.
      const isOld = mayBeOld && earlier?.state === "asked";
      const result = await (earlier ?? pose(id)).answer;
      if (result.kind !== "not-found" || !isOld) return result;
    }
  };
}
