import type { BenchDatabase } from "./bench-database";
import { type BenchTopic, createBenchTopic } from "./bench-topic";
import { type Drained, drain } from "./drain";
import { type Goal, type Measured, medianOf, ratioGoal, rounded, seriesOf } from "./result";

export interface PoisonOptions {
  readonly database: BenchDatabase;
  readonly rounds: number;
  /** Good ones in the storm, after the warming up; as many bad ones stand among them. */
  readonly orders: number;
  readonly say: (text: string) => void;
}

const SEED = 2;
/** So much more is stored before the clock starts, as in the other benches: by then the code is compiled. */
const WARM_UP = 1 / 3;
const BAR_DEAD_LETTERS = 5_000;
const BAR_RATIO = 0.5;
const ALONE = "good orders committed, none bad";
const AMONG_FEW_BAD = "good orders committed, one record in ten bad: one in a hundred of each kind";
const AMONG_BAD = "good orders committed, every other record bad";
const DEAD_LETTERS = "dead letters acknowledged meanwhile";

/**
 * Bad records of all ten kinds, a few and a storm of them: how many a second reach the dead-letter topic, from the outbox
 * by way of BullMQ, and how many of the good ones between them are committed beside as many without any bad one.
 */
export async function benchPoison({ database, rounds, orders, say }: PoisonOptions): Promise<Measured> {
  const values = new Map<string, number[]>();
  const push = (name: string, value: number): void => {
    say(`${name}: ${Math.round(value)} a second`);
    values.set(name, [...(values.get(name) ?? []), value]);
  };
  const topics: BenchTopic[] = [];
  const filled = async (count: number, bad?: number): Promise<BenchTopic> => {
    const topic = await createBenchTopic();
    topics.push(topic);
    await topic.publish(count, SEED, bad);
    return topic;
  };
  try {
    const warmUp = Math.round(orders * WARM_UP);
    const all = warmUp + orders;
    say(`publishing ${4 * all} records …`);
    const pure = await filled(all);
    const sprinkled = await filled(all, 0.1);
    const poisoned = await filled(2 * all, 0.5);
    const measure = async (topic: BenchTopic, good: number, until?: () => Promise<boolean>): Promise<Drained> => {
      await database.empty();
      return drain({ databaseUrl: database.url, topic, orders: good, warmUp, ingestors: 1, until });
    };
    for (let round = 0; round < rounds; round++) {
      const alone = await measure(pure, all);
      push(ALONE, alone.orders / alone.seconds);
      const amongFew = await measure(sprinkled, all - Math.round(all * 0.1));
      push(AMONG_FEW_BAD, amongFew.orders / amongFew.seconds);
      const before = await poisoned.countDeadLetters();
      const among = await measure(poisoned, all, async () => (await poisoned.countDeadLetters()) - before >= all);
      push(AMONG_BAD, among.orders / among.seconds);
      // As many as good ones, which they stand among; those that the warming up has left over are delivered meanwhile too.
      push(DEAD_LETTERS, among.orders / among.secondsInAll);
    }
  } finally {
    for (const topic of topics) await topic.drop();
  }
  const series = seriesOf(values, () => "1/s");
  const rate = medianOf(values.get(DEAD_LETTERS) ?? []);
  const goals: Goal[] = [
    { goal: "dead letters a second", value: rounded(rate), bar: BAR_DEAD_LETTERS, met: rate >= BAR_DEAD_LETTERS },
    ...ratioGoal(
      series,
      "good orders beside those without bad ones, one in ten bad",
      [AMONG_FEW_BAD, ALONE],
      BAR_RATIO,
    ),
    ...ratioGoal(series, "good orders beside those without bad ones, every other bad", [AMONG_BAD, ALONE], BAR_RATIO),
  ];
  return { series, goals, leftOut: [] };
}
