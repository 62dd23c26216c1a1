import { execFileSync } from "node:child_process";
import { createHash } from "node:crypto";
import { startHalfOpenProxy } from "../e2e/support/half-open-proxy";
import { createTestDatabase, type TestDatabase } from "../e2e/support/test-database";
import { waitUntil } from "../e2e/support/wait-until";
import { numberedOrders, type OrderWriter, openOrderWriter } from "../e2e/support/write-orders";
import { projectRoot } from "../runtime/project-root";
import { DIGEST_BYTES, documentStart, idEnd, idStart } from "./laid-order";
import { connectOrderSource, type OrderRange, type OrderSource } from "./read-orders";

let database: TestDatabase;
let writer: OrderWriter;
let source: OrderSource;
let epoch: number;

beforeAll(async () => {
  database = await createTestDatabase();
  writer = await openOrderWriter(database.ingestorUrl);
});
beforeEach(async () => {
  epoch = await writer.beginEpoch();
  source = await waitUntil("a connection", () => connectOrderSource(database.readerUrl));
});
afterEach(() => source?.close());
afterAll(async () => {
  await writer?.close();
  await database?.drop();
});

async function read(range: Partial<OrderRange>) {
  const ids: string[] = [];
  const documents: Record<string, string> = {};
  let wrongDigests = 0;
  const result = await source.readOrders(
    { partition: { epoch, partition: 0 }, from: 0n, to: 1_000_000n, limit: 1_000_000, newestFirst: false, ...range },
    ({ bytes, from, to }) => {
      const id = bytes.toString("utf8", idStart(from), idEnd(bytes, from));
      const document = bytes.subarray(documentStart(bytes, from), to);
      ids.push(id);
      documents[id] = document.toString();
      if (
        !createHash("sha256")
          .update(document)
          .digest()
          .equals(bytes.subarray(from, from + DIGEST_BYTES))
      )
        wrongDigests += 1;
    },
  );
  expect(wrongDigests).toBe(0);
  return { ids, documents, ...result };
}

/**
 * Ends the connections of that name and returns how many are gone. This process stands still meanwhile: it cannot read
 * on, so that the rest of 40 MB, more than any socket holds, is still in the server.
 */
function killWhileNothingIsRead(applicationName: string): string {
  const program = `
    const client = new (require("pg").Client)({ connectionString: process.argv[1] });
    const kill = \`SELECT pg_terminate_backend(pid, 10000) AS gone FROM pg_stat_activity
                  WHERE application_name = $1 AND datname = current_database()\`;
    client.connect()
      .then(() => client.query(kill, [process.argv[2]]))
      .then(({ rows }) => process.stdout.write(String(rows.filter(({ gone }) => gone).length)))
      .finally(() => client.end());`;
  return execFileSync(process.execPath, ["-e", program, database.readerUrl, applicationName], {
    cwd: projectRoot(),
    encoding: "utf8",
  });
}

describe("orders in bulk", () => {
  test("come with exactly the bytes that are stored", async () => {
    const documents = {
      "white space": ' \r\n{"a" :\t1 }\r\n\n',
      "ж/%2F 🛒": '{"ж":"\\u0436🛒"}',
      long: `"${"x".repeat(1_000_000)}"`,
      empty: "",
    };
    await writer.write(documents);
    expect((await read({})).documents).toEqual(documents);
  });

  test("come in the order of their offsets, either way, from a partition's range alone", async () => {
    await writer.write(numberedOrders("a", 0, 10));
    await writer.write(numberedOrders("b", 0, 10), { partition: 1 });
    expect(await read({ from: 3n, to: 6n })).toMatchObject({ ids: ["a3", "a4", "a5"], rows: 3, lastOffset: 5n });
    expect(await read({ from: 3n, to: 6n, newestFirst: true, limit: 2 })).toMatchObject({
      ids: ["a5", "a4"],
      rows: 2,
      lastOffset: 4n,
    });
    expect(await read({ from: 10n })).toMatchObject({ ids: [], rows: 0, lastOffset: undefined });
  });

  test("come whole when they are many", async () => {
    const many = numberedOrders("many", 0, 20_000);
    await writer.write(many);
    expect((await read({})).documents).toEqual(many);
  });

  test("are refused by the server with its own error, after which the connection is as good as before", async () => {
    await writer.write({ after: "{}" });
    await expect(read({ limit: -1 })).rejects.toMatchObject({ code: "2201W" });
    expect(await read({})).toMatchObject({ ids: ["after"] });
    expect(await source.readPositions()).not.toEqual([]);
  });

  test("end with an error, and the connection too, when one of them cannot be taken", async () => {
    await writer.write(numberedOrders("taken", 0, 3));
    const range = { partition: { epoch, partition: 0 }, from: 0n, to: 3n, limit: 3, newestFirst: false };
    const take = (): void => {
      throw new Error("not taken");
    };
    await expect(source.readOrders(range, take)).rejects.toThrow("not taken");
    await expect(source.readPositions()).rejects.toThrow();
  });

  test("are promised by positions, which tell how long ago they moved", async () => {
    await writer.write(numberedOrders("p", 0, 7), { partition: 2 });
    const position = (await source.readPositions()).find((one) => one.epoch === epoch);
    expect(position).toMatchObject({ partition: 2, nextOffset: 7n });
    expect(position?.ageSeconds).toBeGreaterThanOrEqual(0);
    expect(position?.ageSeconds).toBeLessThan(10);
  });

  test("end with an error, not with fewer rows, when the connection is lost in the middle", async () => {
    await writer.write(Object.fromEntries(Array.from({ length: 40 }, (_, n) => [`lost${n}`, "x".repeat(1_000_000)])));
    let killed: string | undefined;
    await expect(
      source.readOrders(
        { partition: { epoch, partition: 0 }, from: 0n, to: 40n, limit: 40, newestFirst: false },
        () => {
          killed ??= killWhileNothingIsRead("orders-reader-refresh");
        },
      ),
    ).rejects.toThrow();
    expect(killed).toBe("1");
  });

  test("end with an error when the server falls silent in the middle", async () => {
    await writer.write(Object.fromEntries(Array.from({ length: 40 }, (_, n) => [`silent${n}`, "x".repeat(1_000_000)])));
    const proxy = await startHalfOpenProxy(database.readerUrl);
    const silent = await waitUntil("a connection", () => connectOrderSource(proxy.url));
    const range = { partition: { epoch, partition: 0 }, from: 0n, to: 40n, limit: 40, newestFirst: false };
    await expect(silent.readOrders(range, () => proxy.fallSilent())).rejects.toThrow("has sent nothing");
    await silent.close();
    await proxy.close();
  });
});
