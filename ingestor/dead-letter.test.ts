import { asKafkajsHeaders, encodeHeaders, type Header, type HeaderList, headersOf } from "../runtime/kafka/headers";
import {
  type DeadLetterInfo,
  deadLetterId,
  readDeadLetterHeaders,
  readReplayClaim,
  writeDeadLetterHeaders,
  writeReplayHeaders,
} from "./dead-letter";

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

// What anybody has put into the dead-letter topic must not stop the tools that read it.
it.each([
  ["x-dlq-id", "orders:1:2:\u0000"],
  ["x-dlq-id", "orders"],
  ["x-dlq-partition", "99999999999"],
  ["x-dlq-offset", "9223372036854775808"],
  ["x-dlq-replays", "99999999999"],
  ["x-dlq-first-failed-at", "+200000-01-01T00:00:00.000Z"],
  ["x-dlq-failed-at", "-000001-01-01T00:00:00.000Z"],
])("the headers of a dead letter are not read where %s is %j, which no ingestor writes", (name, value) => {
  const forged = writeDeadLetterHeaders([], info).map((one) =>
    one.key.toString() === name ? header(name, value) : one,
  );
  expect(readDeadLetterHeaders(forged)).toBeUndefined();
});

describe("the headers of a dead letter that is sent again", () => {
  const own = [header("b", "1"), header("a", null), header("b", "2")];
  const claimOf = (...headers: HeaderList) => readReplayClaim(encodeHeaders(headers));

  it("are the record's own, in order, then its name and number, which are read back", () => {
    const written = writeReplayHeaders(writeDeadLetterHeaders(own, info), { id: info.id, replay: 2 });
    expect(written).toEqual([...own, header("x-dlq-id", info.id), header("x-dlq-replays", "2")]);
    expect(claimOf(...written)).toEqual({ id: info.id, replay: 2 });
  });

  it("are not read from what says less, or says what PostgreSQL cannot be asked for", () => {
    const id = header("x-dlq-id", info.id);
    const first = header("x-dlq-replays", "1");
    expect(claimOf(id, first)).toBeDefined();
    expect(claimOf(...own)).toBeUndefined();
    expect(claimOf(id)).toBeUndefined();
    expect(claimOf(first)).toBeUndefined();
    for (const number of ["0", "-1", "1.0", "9999999", "", null]) {
      expect(claimOf(id, header("x-dlq-replays", number))).toBeUndefined();
    }
    const invalid = { key: Buffer.from("x-dlq-id"), value: Buffer.from([0xc3, 0x28]) };
    for (const forged of [header("x-dlq-id", "a\u0000"), header("x-dlq-id", "a".repeat(301)), invalid]) {
      expect(claimOf(forged, first)).toBeUndefined();
    }
    expect(claimOf(id, first, ...Array<Header>(100_000).fill(header("h", null)))).toBeUndefined();
  });
});
