import { randomBytes, randomUUID } from "node:crypto";
import { type Prisma, TRANSACTION_PATIENCE } from "../prisma/client";
import { ParkedBytes } from "../prisma/parked-bytes";
import { isAccepted } from "./judged-record";
import { bigintArray, textArray } from "./pg-array";
import type { Batch } from "./store-batch";

/**
 * Asks the database whether it takes orders at all: as many rows as the batch has, of the same sizes and in the same
 * places, with nothing in them that anybody could object to. They are taken back before the transaction commits, so that
 * nobody ever sees them; what commits is the position, unchanged.
 *
 * @returns true once that is committed, false if it fails in any way
 */
export async function probeStoring(prisma: Prisma, { partition, records }: Batch): Promise<boolean> {
  const orders = records.filter(isAccepted);
  const prefix = `probe-${randomUUID()}-`;
  const bytes = new ParkedBytes();
  try {
    return await prisma.$transaction(async (tx) => {
      await tx.$executeRaw`SAVEPOINT probe`;
      await tx.$executeRaw`
        INSERT INTO orders (id, document, sha256, epoch, partition, "offset")
        SELECT ${prefix} || "offset", document, '', ${partition.epoch}, ${partition.partition}, "offset"
        FROM unnest(
          ${bytes.park(textArray(orders.map(({ verdict }) => incompressible(verdict.document.length))))}::text[],
          ${bytes.park(bigintArray(orders.map(({ offset }) => offset)))}::bigint[]
        ) AS probe (document, "offset")`;
      await tx.$executeRaw`ROLLBACK TO SAVEPOINT probe`;
      const touched = await tx.$executeRaw`
        UPDATE positions SET updated_at = updated_at
        WHERE epoch = ${partition.epoch} AND partition = ${partition.partition}`;
      return touched === 1;
    }, TRANSACTION_PATIENCE);
  } catch {
    return false;
  } finally {
    bytes.release();
  }
}

/** Text that takes as much room as its length says: PostgreSQL compresses what is long. */
function incompressible(length: number): string {
  return randomBytes(Math.ceil((length * 3) / 4))
    .toString("base64")
    .slice(0, length);
}
