import { createHash } from "node:crypto";
import { layOut } from "../prisma/laid-order";
import { type AskForOrders, createFindOrder, type FoundOrder, type StoredOrder } from "./find-order";
import { createOrderCache } from "./order-cache";

function stored(document: string): StoredOrder {
  return { document, sha256: createHash("sha256").update(document).digest() };
}

interface AskedFor {
  readonly id: string;
  readonly answer: (order: StoredOrder | "large" | undefined) => void;
  readonly fail: (error: Error) => void;
}

/** A Postgres whose answers the test gives, one id at a time. `statements` has what was asked for at a time. */
function openQuestions() {
  const asked: AskedFor[] = [];
  const statements: string[] = [];
  const answerTo = (id: string) =>
    new Promise<StoredOrder | "large" | undefined>((answer, fail) => asked.push({ id, answer, fail }));
  const ask: AskForOrders = {
    alone: async (id) => {
      statements.push(id);
      const order = await answerTo(id);
      return order === "large" ? undefined : order;
    },
    together: async (ids) => {
      statements.push(ids.join(" "));
      const orders = await Promise.all(ids.map(answerTo));
      return new Map(ids.flatMap((id, n) => (orders[n] ? [[id, orders[n]] as const] : [])));
    },
  };
  return { asked, statements, ask };
}

function createFinder(options: { atOnce?: number; mostWaiting?: number; deadlineMs?: number } = {}) {
  const questions = openQuestions();
  const cache = createOrderCache(1_000_000);
  const find = createFindOrder({ cache, ask: questions.ask, atOnce: 4, ...options });
  return { find, cache, ...questions };
}

/** Lets everything run that waits for nothing but promises. */
const settle = () => new Promise((resolve) => setImmediate(resolve));
/** Each in a turn of its own, so that nothing but a lack of connections has them asked for together. */
async function inTurns(find: (id: string) => Promise<FoundOrder>, ids: readonly string[]) {
  const found: Promise<FoundOrder>[] = [];
  for (const id of ids) {
    found.push(find(id));
    await settle();
  }
  return found;
}
const text = (found: FoundOrder) => (found.kind === "found" ? found.order.body.toString() : found.kind);

describe("finding an order", () => {
  test("in memory asks nobody", async () => {
    const { find, cache, asked } = createFinder();
    cache.add(layOut({ id: "a", document: Buffer.from("bytes"), sha256: Buffer.alloc(32) }));
    expect(await find("a")).toMatchObject({ kind: "found", from: "memory" });
    expect(asked).toHaveLength(0);
  });

  test("asks Postgres once however many wait, and remembers the answer", async () => {
    const { find, asked } = createFinder();
    const waiting = Promise.all(Array.from({ length: 50 }, () => find("a")));
    await settle();
    expect(asked).toHaveLength(1);
    asked[0]?.answer(stored('{"ж":1}\n'));
    for (const found of await waiting) expect(text(found)).toBe('{"ж":1}\n');
    expect(await find("a")).toMatchObject({ from: "memory" });
    expect(asked).toHaveLength(1);
  });

  test("gives the same bytes and entity tag from Postgres as from memory", async () => {
    const { find, asked } = createFinder();
    const first = find("a");
    await settle();
    asked[0]?.answer(stored("document"));
    const [fromPostgres, fromMemory] = [await first, await find("a")];
    expect([fromPostgres, fromMemory]).toMatchObject([{ from: "postgres" }, { from: "memory" }]);
    expect({ ...fromPostgres, from: "" }).toEqual({ ...fromMemory, from: "" });
  });

  test("asks once more for whoever came after the question that found nothing", async () => {
    const { find, asked } = createFinder();
    const before = find("a");
    await settle();
    const after = [find("a"), find("a"), find("a")];
    await settle();
    asked[0]?.answer(undefined);
    expect(text(await before)).toBe("not-found");
    await settle();
    expect(asked).toHaveLength(2);
    asked[1]?.answer(stored("stored meanwhile"));
    expect((await Promise.all(after)).map(text)).toEqual(Array(3).fill("stored meanwhile"));
    expect(asked).toHaveLength(2);
  });

  test("does not ask again for whoever came while the question still waited for its turn", async () => {
    const { find, asked } = createFinder({ atOnce: 1 });
    const other = find("other");
    await settle();
    const waiting = [find("a"), find("a")];
    asked[0]?.answer(undefined);
    await other;
    await settle();
    asked[1]?.answer(undefined);
    expect((await Promise.all(waiting)).map(text)).toEqual(["not-found", "not-found"]);
    expect(asked).toHaveLength(2);
  });

  test("looks into memory before it asks a second time", async () => {
    const { find, cache, asked } = createFinder();
    void find("a");
    await settle();
    const after = find("a");
    cache.add(layOut({ id: "a", document: Buffer.from("arrived"), sha256: Buffer.alloc(32) }));
    asked[0]?.answer(undefined);
    expect(text(await after)).toBe("arrived");
    expect(asked).toHaveLength(1);
  });

  test("does not remember that there was nothing", async () => {
    const { find, asked } = createFinder();
    for (const document of [undefined, stored("now it is there")]) {
      const found = find("a");
      await settle();
      asked.at(-1)?.answer(document);
      expect(text(await found)).toBe(document?.document ?? "not-found");
    }
  });

  // G6. Fails when an error of the question is taken for "there is none" (askFor).
  test("is unavailable, never not-found, when Postgres fails, and asks anew the next time", async () => {
    const { find, asked } = createFinder();
    const waiting = [find("a"), find("a")];
    await settle();
    asked[0]?.fail(new Error("connection refused"));
    expect((await Promise.all(waiting)).map(text)).toEqual(["unavailable", "unavailable"]);
    void find("a");
    await settle();
    expect(asked).toHaveLength(2);
  });

  test("tells once when Postgres begins to fail, and once when it answers again", async () => {
    const { ask, asked } = openQuestions();
    const told: (string | undefined)[] = [];
    const onOutage = (because: string | undefined) => told.push(because);
    const find = createFindOrder({ cache: createOrderCache(1_000_000), ask, atOnce: 4, onOutage });
    for (const answer of [undefined, new Error("refused"), new Error("refused"), undefined, undefined]) {
      const found = find("a");
      await settle();
      if (answer) asked.at(-1)?.fail(answer);
      else asked.at(-1)?.answer(undefined);
      await found;
    }
    expect(told).toEqual(["refused", undefined]);
  });

  test("is unavailable after the deadline, also for those in the queue, which are then never asked", async () => {
    const { find, asked } = createFinder({ atOnce: 2, deadlineMs: 20 });
    const found = await Promise.all(await inTurns(find, ["a", "b", "c", "d"]));
    expect(found.map(text)).toEqual(Array(4).fill("unavailable"));
    for (const question of asked) question.fail(new Error("too late"));
    await settle();
    expect(asked.map(({ id }) => id)).toEqual(["a", "b"]);
  });

  test("asks together for what comes in the same turn of the event loop", async () => {
    const { find, asked, statements } = createFinder();
    const found = ["a", "b", "c"].map((id) => find(id));
    await settle();
    expect(statements).toEqual(["a b c"]);
    for (const { id, answer } of asked) answer(stored(id));
    expect((await Promise.all(found)).map(text)).toEqual(["a", "b", "c"]);
  });

  test("asks no more questions at once than it may, and asks for what waits together when one ends", async () => {
    const { find, asked, statements } = createFinder({ atOnce: 2 });
    const found = await inTurns(find, ["a", "b", "c", "d"]);
    expect(asked.map(({ id }) => id)).toEqual(["a", "b"]);
    asked[0]?.fail(new Error("lost"));
    await settle();
    expect(statements).toEqual(["a", "b", "c d"]);
    for (const { answer } of asked.slice(1)) answer(undefined);
    expect((await Promise.all(found)).map(text)).toEqual(["unavailable", "not-found", "not-found", "not-found"]);
  });

  test("is unavailable at once when too many wait already", async () => {
    const { find, asked } = createFinder({ atOnce: 1, mostWaiting: 1 });
    void (await inTurns(find, ["a", "b"]));
    expect(await find("c")).toEqual({ kind: "unavailable", because: "too many questions are waiting" });
    expect(asked).toHaveLength(1);
  });

  // G6. Fails when those that are asked for together get one another's orders, or when there is no end to how many.
  test("gives each of those that it asks for together its own order, sixty-four of them at a time", async () => {
    const { find, asked, statements } = createFinder({ atOnce: 1 });
    const ids = Array.from({ length: 66 }, (_, n) => `order-${n}`);
    const found = await inTurns(find, ids);
    asked[0]?.answer(undefined);
    await settle();
    for (const { id, answer } of asked.slice(1)) answer(id === "order-2" ? undefined : stored(`document of ${id}`));
    await settle();
    asked.at(-1)?.answer(stored("the last"));
    const expected = ids.map((id) => `document of ${id}`);
    expect((await Promise.all(found)).map(text)).toEqual(
      expected.with(0, "not-found").with(2, "not-found").with(65, "the last"),
    );
    expect(statements).toEqual(["order-0", ids.slice(1, 65).join(" "), "order-65"]);
  });

  test("asks alone for what is large, and nobody waits for it", async () => {
    const { find, asked, statements } = createFinder({ atOnce: 2 });
    const found = await inTurns(find, ["a", "b", "large", "small"]);
    asked[0]?.answer(undefined);
    await settle();
    asked[2]?.answer("large");
    asked[3]?.answer(stored("small"));
    expect(text((await found[3]) as FoundOrder)).toBe("small");
    expect(statements).toEqual(["a", "b", "large small", "large"]);
    asked[4]?.answer(stored("large"));
    expect(text((await found[2]) as FoundOrder)).toBe("large");
  });

  test("asks for each alone when they cannot be asked for together, so that one fails alone", async () => {
    const { find, asked, statements } = createFinder({ atOnce: 1 });
    const found = await inTurns(find, ["a", "good", "bad"]);
    asked[0]?.answer(undefined);
    await settle();
    asked[2]?.fail(new Error("invalid page"));
    await settle();
    asked[3]?.answer(stored("good"));
    await settle();
    asked[4]?.fail(new Error("invalid page"));
    expect((await Promise.all(found)).map(text)).toEqual(["not-found", "good", "unavailable"]);
    expect(statements).toEqual(["a", "good bad", "good", "bad"]);
  });

  test("does not ask for an id that no order can have", async () => {
    const { find, asked } = createFinder();
    for (const id of ["", ".", "..", "a\u0000b", "\ud800", "x".repeat(129)])
      expect(text(await find(id))).toBe("not-found");
    expect(asked).toHaveLength(0);
  });
});
