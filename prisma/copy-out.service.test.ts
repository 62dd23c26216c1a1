import pg from "pg";
import { testAddress } from "../e2e/support/test-address";
import { copyOut } from "./copy-out";

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
