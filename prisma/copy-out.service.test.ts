import { once } from "node:events";
import { type AddressInfo, connect, createServer, type Server } from "node:net";
import { setTimeout as delay } from "node:timers/promises";
import pg from "pg";
import { testAddress } from "../e2e/support/test-address";
import { copyOut } from "./copy-out";
import { openConnection } from "./open-connection";

// Fails when the error is thrown: the client never asks anything again.
test("a question that cannot be asked fails alone, and the client goes on", async () => {
  const client = new pg.Client({ connectionString: testAddress("TEST_DATABASE_URL") });
  await client.connect();
  const { stream } = (client as unknown as { readonly connection: pg.Connection }).connection;
  const listeners = stream.listeners("data") as ((chunk: Buffer) => void)[];
  stream.removeAllListeners("data");
  const options = { onRow: () => {}, stretchBytes: 1, silenceMs: 30_000 };
  const asked = copyOut(client, "COPY (SELECT 1) TO STDOUT (FORMAT binary)", options);
  await expect(asked).rejects.toThrow("nobody reads the connection");
  for (const listener of listeners) stream.on("data", listener);
  const { rows } = await client.query("SELECT 1 AS one");
  expect(rows).toEqual([{ one: 1 }]);
  await client.end();
});

/** Hands on what the server says in pieces of so many bytes, each of which the client reads for itself. */
async function startCutter(databaseUrl: string, bytes: number): Promise<{ server: Server; url: string }> {
  const { hostname, port } = new URL(databaseUrl);
  const server = createServer((client) => {
    const upstream = connect(Number(port), hostname);
    client.setNoDelay(true).pipe(upstream);
    client.on("error", () => {});
    upstream.on("error", () => {}).on("close", () => client.destroy());
    void (async () => {
      for await (const chunk of upstream) {
        for (let at = 0; at < chunk.length; at += bytes) {
          client.write(chunk.subarray(at, at + bytes));
          await delay(1);
        }
      }
    })().catch(() => {});
  });
  await once(server.listen(0, "127.0.0.1"), "listening");
  const url = new URL(databaseUrl);
  url.hostname = "127.0.0.1";
  url.port = String((server.address() as AddressInfo).port);
  return { server, url: url.href };
}

// Fails when the beginning of a message is kept where the next piece is read to: a head that is cut, or what is given back.
test.each([3, 4, 7, 50])(
  "rows whose messages come in pieces of %i bytes are all there, and so is the next answer",
  async (bytes) => {
    const { server, url } = await startCutter(testAddress("TEST_DATABASE_URL"), bytes);
    const connection = await openConnection(url, { name: "test", answerWithinMs: 30_000 });
    try {
      const rows: string[] = [];
      await copyOut(
        connection.client,
        "COPY (SELECT 'row ' || n FROM generate_series(1, 9) n) TO STDOUT (FORMAT binary)",
        {
          onRow: ({ bytes, starts, lengths }) => {
            const [start = 0] = starts;
            rows.push(bytes.toString("utf8", start, start + (lengths[0] ?? 0)));
          },
          ...{ stretchBytes: 64, silenceMs: 30_000 },
        },
      );
      expect(rows).toEqual(Array.from({ length: 9 }, (_, n) => `row ${n + 1}`));
      expect(await connection.ask("SELECT 'well' AS it")).toEqual([{ it: "well" }]);
    } finally {
      await connection.close();
      server.close();
    }
  },
);
