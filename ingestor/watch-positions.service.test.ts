import { pino } from "pino";
import { createTestDatabase, type TestDatabase } from "../e2e/support/test-database";
import { waitUntil } from "../e2e/support/wait-until";
import { createPrisma } from "../prisma/client";
import { createStandingQuestions, type StandingQuestions } from "../prisma/standing-questions";
import type { OpenPartition } from "./assignment";
import { OutageState } from "./health";
import { openPositions } from "./open-positions";
import { watchPositions } from "./watch-positions";

let database: TestDatabase;
let questions: StandingQuestions;

beforeAll(async () => {
  database = await createTestDatabase();
  questions = createStandingQuestions(database.ingestorUrl, "test");
  const prisma = createPrisma(database.ingestorUrl, { connections: 1, name: "test" });
  await openPositions(prisma, { name: "orders", id: undefined, bounds: [{ partition: 0, low: 0n, high: 9n }] });
  await prisma.$disconnect();
});

afterAll(async () => {
  await questions.close();
  await database.drop();
});

const open: OpenPartition = {
  ...{ topicId: undefined, epoch: 1, partition: 0, nextOffset: 0n, seenOffset: 0n, fetchOffset: 0n },
  ...{ lastRecord: undefined, isSuspicious: false, handed: undefined },
};

/** What is told of an outage that somebody has met, once PostgreSQL has answered twice to one whose these partitions are. */
async function outageOf(ours: readonly OpenPartition[]): Promise<string | undefined> {
  const outage = new OutageState();
  outage.report("PostgreSQL", { action: "retry", code: "53100" });
  let looks = 0;
  const stop = watchPositions({
    ...{ questions, topic: "orders", log: pino({ level: "silent" }) },
    assignment: {
      all: () => {
        looks++;
        return ours;
      },
      get: (partition) => ours.find((each) => each.partition === partition),
      ...{ reposition: () => {}, isPositioned: () => true },
    },
    onOutage: (part, failure) => void outage.report(part, failure),
  });
  // Each look asks before it has the answer, and after.
  await waitUntil("it has looked twice", () => looks >= 4);
  stop();
  return outage.describe();
}

// Fails when who has no partition does not ask: what it met while it had one keeps it from being ready for good.
test("an outage is over for who has no partition any more, once PostgreSQL answers", async () => {
  expect(await outageOf([])).toBeUndefined();
});

// Fails when any answer ends an outage: a server with a full disk answers, and stores nothing.
test("that PostgreSQL answers does not end the outage of who cannot store", async () => {
  expect(await outageOf([open])).toContain("53100");
});
