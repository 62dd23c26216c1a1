import { consume, logBatch } from "./fetch-fixture";
import { installCorrections } from "./install";

installCorrections();

interface Sent {
  readonly producerId: bigint;
  readonly value?: string;
  readonly key?: Buffer;
}

/** A log of one-record batches: a value is a transactional record, no value is the end of its producer's transaction. */
function log(...records: readonly Sent[]): Promise<Buffer[]> {
  return Promise.all(
    records.map(({ producerId, value, key }, offset) =>
      logBatch(
        value === undefined ? [{ key: Buffer.alloc(4), value: Buffer.alloc(6) }] : [{ key: key ?? null, value }],
        {
          baseOffset: BigInt(offset),
          producerId,
          isTransactional: true,
          isControl: value === undefined,
        },
      ),
    ),
  );
}

const valuesOf = ({ messages }: { messages: readonly { value: Buffer | null }[] }) =>
  messages.map(({ value }) => value?.toString());

test("records of aborted transactions are not delivered, those around them are", async () => {
  const batches = await log(
    { producerId: 1n, value: "committed" },
    { producerId: 1n },
    { producerId: 1n, value: "aborted" },
    { producerId: 2n, value: "of another" },
    { producerId: 1n },
    { producerId: 1n, value: "later" },
  );
  const consumed = await consume(batches, { aborted: [{ producerId: 1n, firstOffset: 2n }] });
  expect(valuesOf(consumed)).toEqual(["committed", "of another", "later"]);
});

test("the broker's list of aborted transactions need not be sorted", async () => {
  const batches = await log(
    { producerId: 1n, value: "aborted" },
    { producerId: 2n, value: "aborted too" },
    { producerId: 2n },
    { producerId: 1n },
    { producerId: 3n, value: "committed" },
  );
  const aborted = [
    { producerId: 2n, firstOffset: 1n },
    { producerId: 1n, firstOffset: 0n },
  ];
  expect(valuesOf(await consume(batches, { aborted }))).toEqual(["committed"]);
});

test("a data key of four zero bytes does not end a transaction", async () => {
  const batches = await log(
    { producerId: 1n, value: "aborted", key: Buffer.alloc(4) },
    { producerId: 1n, value: "aborted still" },
    { producerId: 1n },
    { producerId: 1n, value: "committed", key: Buffer.alloc(4) },
  );
  const consumed = await consume(batches, { aborted: [{ producerId: 1n, firstOffset: 0n }] });
  expect(valuesOf(consumed)).toEqual(["committed"]);
});

test("two aborted transactions of one producer are told apart from the committed one between them", async () => {
  const batches = await log(
    { producerId: 1n, value: "aborted" },
    { producerId: 1n },
    { producerId: 1n, value: "committed" },
    { producerId: 1n },
    { producerId: 1n, value: "aborted again" },
    { producerId: 1n },
  );
  const aborted = [
    { producerId: 1n, firstOffset: 4n },
    { producerId: 1n, firstOffset: 0n },
  ];
  expect(valuesOf(await consume(batches, { aborted }))).toEqual(["committed"]);
});

test("the position moves past what is not delivered, aborted records and control records alike", async () => {
  const batches = await log({ producerId: 1n, value: "aborted" }, { producerId: 1n });
  const aborted = [{ producerId: 1n, firstOffset: 0n }];
  const whole = await consume(batches, { aborted });
  expect(whole.messages).toEqual([]);
  expect(whole.lastOffset()).toBe("1");
  expect((await consume(batches.slice(0, 1), { aborted })).lastOffset()).toBe("0");
});

test("an aborted batch that cannot be decoded is nobody's business", async () => {
  const batches = await log({ producerId: 1n, value: "aborted" }, { producerId: 1n });
  batches[0]?.writeInt32BE(99, 57);
  const consumed = await consume(batches, { aborted: [{ producerId: 1n, firstOffset: 0n }] });
  expect(consumed.messages).toEqual([]);
});

test("a consumer of uncommitted records gets no list, and gets them all", async () => {
  const batches = await log({ producerId: 1n, value: "aborted" }, { producerId: 1n });
  expect(valuesOf(await consume(batches))).toEqual(["aborted"]);
});
