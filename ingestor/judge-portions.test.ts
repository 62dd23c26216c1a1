import { setImmediate as nextTurn } from "node:timers/promises";
import type { KafkaMessage } from "kafkajs";
import { orderWithId } from "../e2e/support/judged-records";
import { judgeInPortions, type Portion } from "./judge-portions";

function ordersAt(...offsets: number[]): KafkaMessage[] {
  return offsets.map((offset) => ({
    ...{ key: null, value: orderWithId(`order-${offset}`), headers: {}, attributes: 0 },
    ...{ offset: String(offset), timestamp: "1700000000000" },
  }));
}

const consecutive = (count: number): KafkaMessage[] => ordersAt(...Array.from({ length: count }, (_, at) => at));
const limits = { records: 1_000, bytes: 8 * 1_048_576 };
const offsetsOf = ({ judged }: Portion): bigint[] => judged.map(({ offset }) => offset);

async function all(portions: AsyncIterable<Portion>): Promise<Portion[]> {
  const found = [];
  for await (const portion of portions) found.push(portion);
  return found;
}

test("records below the position are left out, and a hole in the log is none of a portion's business", async () => {
  const portions = await all(judgeInPortions(ordersAt(3, 4, 9, 10, 12), 4n, { ...limits, records: 2 }));
  expect(portions.map(offsetsOf)).toEqual([
    [4n, 9n],
    [10n, 12n],
  ]);
  expect(portions.map(({ lastOffset }) => lastOffset)).toEqual([9n, 12n]);
});

// Fails without the wait for the next turn in judgePortion: PostgreSQL's answers would wait for the judge.
test("what else the process has to do has its turns while a large portion is judged", async () => {
  let turns = 0;
  const timer = setInterval(() => turns++, 0);
  await all(judgeInPortions(consecutive(1_000), 0n, limits));
  clearInterval(timer);
  expect(turns).toBeGreaterThan(1);
});

/** The same messages, which tell when they are judged. */
function watched(messages: readonly KafkaMessage[], onJudged: (offset: string) => void): KafkaMessage[] {
  return messages.map((message) => ({
    ...message,
    get timestamp() {
      onJudged(message.offset);
      return message.timestamp;
    },
  }));
}

// Fails when portions of two partitions are judged side by side, so that both are ready at the end alone.
test("the portion of one partition is ready before that of another is begun", async () => {
  const judged: string[] = [];
  const portions = ["first", "second"].map((name) =>
    judgeInPortions(
      watched(consecutive(300), () => judged.push(name)),
      0n,
      limits,
    ),
  );
  await Promise.all(portions.map((each) => each.next()));
  expect(judged.lastIndexOf("first")).toBeLessThan(judged.indexOf("second"));
});

// Fails when the next portion is judged only once it is asked for, or all of them at once.
test("one portion is judged ahead of the one that is in use, and no more", async () => {
  const judged: string[] = [];
  let judgedTwenty = (): void => {};
  const isAhead = new Promise<void>((resolve) => (judgedTwenty = resolve));
  const messages = watched(consecutive(30), (offset) => {
    judged.push(offset);
    if (offset === "19") judgedTwenty();
  });
  const portions = judgeInPortions(messages, 0n, { ...limits, records: 10 });
  await portions.next();
  await isAhead;
  await nextTurn();
  expect(judged.at(-1)).toBe("19");
  await portions.next();
  expect((await portions.next()).value).toMatchObject({ lastOffset: 29n });
});
