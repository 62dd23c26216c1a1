import { hash, randomUUID } from "node:crypto";
import { readFileSync } from "node:fs";
import { join } from "node:path";
import { type Prisma, type PrismaTransaction, TRANSACTION_PATIENCE } from "../prisma/client";
import { encodeNotice, ORDERS_CHANNEL } from "../prisma/order-channel";
import { ParkedBytes } from "../prisma/parked-bytes";
import { projectRoot } from "../runtime/project-root";
import { isAccepted } from "./judged-record";
import { bigintArray, byteaArray, textArray } from "./pg-array";
import type { Batch } from "./store-batch";

/**
 * Asks the database whether it takes orders at all: as many rows as the batch has and as many bytes, in the same places,
 * but of an order that nobody can object to. Whatever the schema checks only at the end is checked. Then they are taken
 * back, so that nobody ever sees them; what commits is the position, unchanged, with a notice to the readers.
 *
 * A large record counts as several rows: a limit of its size (of somebody's index, say) is no outage.
 *
 * @returns true once that is committed, false if it fails in any way
 */
export async function probeStoring(prisma: Prisma, batch: Batch): Promise<boolean> {
  const bytes = new ParkedBytes();
  try {
    return await prisma.$transaction(async (tx) => {
      await tx.$executeRaw`SAVEPOINT probe`;
      await insertOrders(tx, bytes, batch);
      await tx.$executeRaw`SET CONSTRAINTS ALL IMMEDIATE`;
      await tx.$executeRaw`ROLLBACK TO SAVEPOINT probe`;
      return await touchPosition(tx, batch);
    }, TRANSACTION_PATIENCE);
  } catch {
    return false;
  } finally {
    bytes.release();
  }
}

async function insertOrders(tx: PrismaTransaction, bytes: ParkedBytes, batch: Batch): Promise<void> {
  const { epoch, partition } = batch.partition;
  const orders = harmlessOrders(batch);
  await tx.$executeRaw`
    INSERT INTO orders (id, document, sha256, epoch, partition, "offset")
    SELECT id, document, sha256, ${epoch}, ${partition}, "offset"
    FROM unnest(
      ${bytes.park(textArray(orders.map(({ id }) => id)))}::text[],
      ${bytes.park(textArray(orders.map(({ document }) => document)))}::text[],
      ${bytes.park(byteaArray(orders.map(({ document }) => hash("sha256", document, "buffer"))))}::bytea[],
      ${bytes.park(bigintArray(orders.map((_, n) => batch.from + BigInt(n))))}::bigint[]
    ) AS probe (id, document, sha256, "offset")`;
}

/** Copies of the example order with ids of their own. */
function harmlessOrders({ records }: Batch): { readonly id: string; readonly document: string }[] {
  const accepted = records.filter(isAccepted);
  const bytes = accepted.reduce((sum, { verdict }) => sum + verdict.document.length, 0);
  const example = readFileSync(join(projectRoot(), "ingestor/order-example.json"), "utf8");
  const order: unknown = JSON.parse(example);
  const length = Math.max(accepted.length, Math.ceil(bytes / example.length));
  const prefix = `probe-${randomUUID()}-`;
  return Array.from({ length }, (_, n) => {
    const id = `${prefix}${n}`;
    return { id, document: JSON.stringify({ ...Object(order), order_uid: id }) };
  });
}

/** Moves the position to where it is, and tells the readers, as the batch would: their queue may be what is full. */
async function touchPosition(tx: PrismaTransaction, { partition, from }: Batch): Promise<boolean> {
  const notice = encodeNotice({ ...partition, nextOffset: from });
  const touched = await tx.$queryRaw<unknown[]>`
    WITH touched AS (
      UPDATE positions SET updated_at = updated_at
      WHERE epoch = ${partition.epoch} AND partition = ${partition.partition}
      RETURNING 1
    )
    SELECT pg_notify(${ORDERS_CHANNEL}, ${notice})::text FROM touched`;
  return touched.length === 1;
}
