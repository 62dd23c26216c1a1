import { type Measurable, measureRounds } from "./reads-rounds";

const reader: Measurable = { name: "reader", isReference: false };
const koa: Measurable = { name: "Koa", isReference: true };
let said: string;
let asked: string[];

beforeEach(() => {
  [said, asked] = ["", []];
});

/** Two rounds with 64 and with 256 connections; what is in `failing` fails: its name, a blank and its connections. */
const measureBoth = (failing: string) =>
  measureRounds([reader, koa], {
    ...{ rounds: 2, connections: [64, 256] },
    measure: async ({ name }, connections) => {
      asked.push(`${name} ${connections}`);
      if (`${name} ${connections}` === failing && asked.length > 4) throw new Error("3 of 9000 requests failed");
      return [9_000, 100];
    },
    say: (text) => (said += `${text}\n`),
  });

// Fails when a reference that fails ends the bench, or keeps some of its rounds: rows are set against each other by rounds.
test("a reference that fails is left out where it failed, with the reason, and the others are measured", async () => {
  const { values, leftOut } = await measureBoth("Koa 256");
  expect(leftOut).toEqual(["Koa, 256 connections, because in round 2 3 of 9000 requests failed"]);
  expect(said).toContain("round 2: Koa, 256 connections is left out: 3 of 9000 requests failed");
  const measured = ["reader, 64 connections", "Koa, 64 connections", "reader, 256 connections"];
  expect([...values.keys()].toSorted()).toEqual(measured.flatMap((row) => [row, `${row}, processor time`]).toSorted());
  expect([...values.values()].map(({ length }) => length)).toEqual(Array(6).fill(2));
});

test("a reader that fails ends the bench", async () => {
  await expect(measureBoth("reader 256")).rejects.toThrow("3 of 9000 requests failed");
});
