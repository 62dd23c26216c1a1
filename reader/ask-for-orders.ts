import type { Prisma } from "../prisma/client";
import type { AskForOrders, StoredOrder } from "./find-order";

/** Two hundred times the usual order. What is larger is brought alone, so that no answer is larger than its largest. */
const BROUGHT_TOGETHER_BYTES = 262_144;

/** Asks PostgreSQL for orders by their ids: a statement for all of them, and one more for each that is large. */
export function createAskForOrders(prisma: Pick<Prisma, "$queryRaw" | "order">): AskForOrders {
  return async (ids) => {
    const rows = await prisma.$queryRaw<readonly { id: string; document: string | null; sha256: Uint8Array }[]>`
      SELECT id, sha256, CASE WHEN octet_length(document) <= ${BROUGHT_TOGETHER_BYTES} THEN document END AS document
      FROM orders WHERE id = ANY (${ids}::text[])`;
    const orders = new Map<string, StoredOrder>();
    for (const { id, document, sha256 } of rows) {
      const order = document === null ? await findLarge(prisma, id) : { document, sha256 };
      if (order) orders.set(id, order);
    }
    return orders;
  };
}

async function findLarge(prisma: Pick<Prisma, "order">, id: string): Promise<StoredOrder | undefined> {
  return (await prisma.order.findUnique({ where: { id }, select: { document: true, sha256: true } })) ?? undefined;
}
