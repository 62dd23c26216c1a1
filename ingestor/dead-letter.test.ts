import { asKafkajsHeaders, type HeaderList, headersOf } from "../runtime/kafka/headers";
import { type DeadLetterInfo, deadLetterId, readDeadLetterHeaders, writeDeadLetterHeaders } from "./dead-letter";

const info: DeadLetterInfo = {
  id: deadLetterId({ topic: "orders", epoch: 1, partition: 2, offset: 34n }),
  reason: "schema",
  errors: "/payment/amount must be integer\n/items must be array",
  topic: "orders",
  partition: 2,
  offset: 34n,
  firstFailedAt: new Date("2026-01-02T03:04:05.678Z"),
  failedAt: new Date("2026-01-02T03:05:00.000Z"),
  replays: 1,
};

function header(name: string, value: string | null) {
  return { key: Buffer.from(name), value: value === null ? null : Buffer.from(value) };
}

describe("the headers of a dead letter", () => {
  it("come out as they went in", () => {
    expect(readDeadLetterHeaders(writeDeadLetterHeaders([], info))).toEqual(info);
    expect(info.id).toBe("orders:1:2:34");
  });

  it("follow the record's own, which stay as they were, in order, repeated and null ones too", () => {
    const own: HeaderList = [
      header("b", "1"),
      header("a", null),
      header("b", "2"),
      header("__proto__", ""),
      header("X-Dlq-Id", "3"),
    ];
    const written = writeDeadLetterHeaders(own, info);
    expect(written.slice(0, own.length)).toEqual(own);
    expect(headersOf({ headers: asKafkajsHeaders(written) } as never)).toEqual(written);
  });

  it("replace what a producer has put under their names", () => {
    const forged = [
      header("x-dlq-id", "orders:9:9:9"),
      header("x-dlq-other", "1"),
      header("kafka_dlt-original-topic", "x"),
    ];
    const names = writeDeadLetterHeaders(forged, info).map(({ key }) => key.toString());
    expect(names).toEqual([
      "x-dlq-id",
      "x-dlq-reason",
      "x-dlq-errors",
      "x-dlq-topic",
      "x-dlq-partition",
      "x-dlq-offset",
      "x-dlq-first-failed-at",
      "x-dlq-failed-at",
      "x-dlq-replays",
      "kafka_dlt-original-topic",
    ]);
  });

  it("stay below 8 KiB, cut at a character, however long the errors and the topic are", () => {
    const written = writeDeadLetterHeaders([], {
      ...info,
      topic: "t".repeat(249),
      id: "t".repeat(249),
      errors: "я".repeat(10_000),
    });
    const bytes = written.reduce((sum, { key, value }) => sum + key.length + (value?.length ?? 0), 0);
    expect(bytes).toBeLessThan(8 * 1024);
    const errors = written.find(({ key }) => key.toString() === "x-dlq-errors")?.value;
    expect(errors?.toString()).toMatch(/^я+…$/);
  });

  it("are not read from a record that lacks one", () => {
    for (const missing of ["x-dlq-id", "x-dlq-partition", "x-dlq-offset", "x-dlq-failed-at", "x-dlq-replays"]) {
      const rest = writeDeadLetterHeaders([], info).filter(({ key }) => key.toString() !== missing);
      expect(readDeadLetterHeaders(rest)).toBeUndefined();
    }
  });
});
