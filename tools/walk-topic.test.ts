import type { KafkaMessage } from "kafkajs";
import { rangesOf } from "./walk-topic";

const message = (offset: number, bytes = 1): KafkaMessage =>
  ({ offset: String(offset), key: null, value: Buffer.alloc(bytes) }) as unknown as KafkaMessage;
const cut = (messages: readonly KafkaMessage[], end: bigint) =>
  [...rangesOf(messages, end, { records: 3, bytes: 100 })].map((range) => [
    range.messages.map(({ offset }) => Number(offset)),
    Number(range.to),
  ]);

test("a fetch is cut by records; its last piece reaches to its end, where there may be no record", () => {
  expect(
    cut(
      [0, 1, 4, 5, 6].map((offset) => message(offset)),
      9n,
    ),
  ).toEqual([
    [[0, 1, 4], 5],
    [[5, 6], 9],
  ]);
  expect(
    cut(
      [0, 1, 2].map((offset) => message(offset)),
      4n,
    ),
  ).toEqual([[[0, 1, 2], 4]]);
});

test("a fetch is cut by bytes, and a large record stands alone", () => {
  expect(cut([message(0, 60), message(1, 60), message(2, 500), message(3, 1)], 4n)).toEqual([
    [[0, 1], 2],
    [[2], 3],
    [[3], 4],
  ]);
});

test("a fetch without records is one piece", () => {
  expect(cut([], 3n)).toEqual([[[], 3]]);
});
