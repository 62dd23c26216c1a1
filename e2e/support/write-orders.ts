import { createHash } from "node:crypto";
import pg from "pg";
import { encodeNotice, ORDERS_CHANNEL } from "../../prisma/order-channel";

export interface OrderWriter {
  /** Stores orders as one batch: rows, position and notice in one transaction, from the partition's position on. */
  write(orders: Readonly<Record<string, string>>, options?: { partition?: number; notice?: boolean }): Promise<void>;
  /** The epoch that is written to; another one by `beginEpoch`. */
  beginEpoch(): Promise<number>;
  close(): Promise<void>;
}

/** Writes what the ingestor would write, without Kafka: for tests of what reads it. */
export async function openOrderWriter(ingestorUrl: string): Promise<OrderWriter> {
  const client = new pg.Client({ connectionString: ingestorUrl });
  await client.connect();
  let epoch = 0;

  const beginEpoch = async (): Promise<number> => {
    const { rows } = await client.query<{ id: number }>(
      `INSERT INTO "epochs" ("topic") VALUES ('orders') RETURNING "id"`,
    );
    epoch = rows[0]?.id ?? 0;
    return epoch;
  };
  await beginEpoch();

  return {
    beginEpoch,
    async write(orders, { partition = 0, notice = true } = {}) {
      const count = Object.keys(orders).length;
      await client.query("BEGIN");
      const { rows } = await client.query<{ next_offset: string }>(
        `INSERT INTO "positions" AS p ("epoch", "partition", "next_offset", "received", "stored")
         VALUES ($1, $2, $3, $3, $3)
         ON CONFLICT ("epoch", "partition") DO UPDATE SET
           "next_offset" = p."next_offset" + $3, "received" = p."received" + $3, "stored" = p."stored" + $3,
           "updated_at" = clock_timestamp()
         RETURNING "next_offset"`,
        [epoch, partition, count],
      );
      const nextOffset = BigInt(rows[0]?.next_offset ?? 0);
      await client.query(
        `INSERT INTO "orders" ("id", "document", "sha256", "epoch", "partition", "offset")
         SELECT o.*, $4, $5, $6::bigint + row_number() OVER () - 1
         FROM unnest($1::text[], $2::text[], $3::bytea[]) AS o`,
        [
          Object.keys(orders),
          Object.values(orders),
          Object.values(orders).map((document) => createHash("sha256").update(document).digest()),
          epoch,
          partition,
          String(nextOffset - BigInt(count)),
        ],
      );
      if (notice) {
        await client.query("SELECT pg_notify($1, $2)", [
          ORDERS_CHANNEL,
          encodeNotice({ epoch, partition, nextOffset }),
        ]);
      }
      await client.query("COMMIT");
    },
    close: () => client.end(),
  };
}

/** Orders by id, each with a document of its own. */
export function numberedOrders(prefix: string, from: number, to: number): Record<string, string> {
  return Object.fromEntries(
    Array.from({ length: to - from }, (_, index) => [
      `${prefix}${from + index}`,
      `{"order_uid": "${prefix}${from + index}"}\n`,
    ]),
  );
}

/** Ends a process's connections by their application_name, as a crash of its server process would. Returns how many. */
export async function terminateConnections(url: string, applicationName: string): Promise<number> {
  const client = new pg.Client({ connectionString: url });
  await client.connect();
  try {
    const { rowCount } = await client.query(
      `SELECT pg_terminate_backend(pid) FROM pg_stat_activity
       WHERE application_name = $1 AND datname = current_database()`,
      [applicationName],
    );
    return rowCount ?? 0;
  } finally {
    await client.end();
  }
}
