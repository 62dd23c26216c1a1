import type { Prisma } from "../prisma/client";
import type { AskForOrders, StoredOrder } from "./find-order";

/** A dozen times the usual order: the sixty-four that are asked for together are at most as large as the largest alone. */
const LARGE_BYTES = 16_384;

/** Asks PostgreSQL for orders by their ids. */
export function createAskForOrders(prisma: Pick<Prisma, "$queryRaw" | "order">): AskForOrders {
  return {
    alone: async (id) =>
      (await prisma.order.findUnique({ where: { id }, select: { document: true, sha256: true } })) ?? undefined,
    together: async (ids) => {
      const rows = await prisma.$queryRaw<readonly { id: string; document: string | null; sha256: Uint8Array }[]>`
        SELECT id, sha256, CASE WHEN octet_length(document) < ${LARGE_BYTES} THEN document END AS document
        FROM orders WHERE id = ANY (${ids}::text[])`;
      return new Map(rows.map(({ id, document, sha256 }) => [id, answerOf(document, sha256)]));
    },
  };
}

function answerOf(document: string | null, sha256: Uint8Array): StoredOrder | "large" {
  return document === null ? "large" : { document, sha256 };
}
