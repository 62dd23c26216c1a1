import { hash } from "node:crypto";
import { breakOrder, brokenKinds } from "../publish/broken-records";
import { generateOrder } from "../publish/generate-order";
import { SeededRandom } from "../publish/seeded-random";
import type { Send, SendKind } from "./sends-file";

/** A record as it is handed to Kafka. */
export interface RecordToSend extends Send {
  readonly value: Buffer | null;
  /** Where it has to go; undefined: anywhere. */
  readonly partition: number | undefined;
}

/** An order that has been acknowledged. */
export interface EarlierOrder {
  /** Its number among the sends, which makes its bytes. */
  readonly n: number;
  readonly partition: number;
}

const SHARES = { poison: 0.08, conflict: 0.01, again: 0.02 };

/**
 * The record of this number: mostly an order, some poison of every kind in its turn, now and then an earlier order again
 * or another one under its id. The same seed, number and earlier order give the same bytes. Pure.
 *
 * @param earlier one to repeat or to contradict; without one the record is an order instead
 */
export function makeSend(seed: number, n: number, earlier: EarlierOrder | undefined): RecordToSend {
  const random = new SeededRandom();
  random.restart(hash("sha256", `send/${seed}/${n}`, "buffer"));
  const kind = kindFor(random.next(), earlier !== undefined);
  if (kind === "poison") {
    const broken = breakOrder(generateOrder(seed, n), random.pick(brokenKinds), random.integer(0, 999));
    return record(n, kind, broken.id, broken.bytes);
  }
  const order = generateOrder(seed, kind === "order" ? n : (earlier?.n ?? n));
  if (kind !== "conflict") return record(n, kind, order.id, order.bytes);
  const other = Buffer.from(order.bytes.toString().replace('"entry":"WBIL"', `"entry":"other ${n}"`));
  return record(n, kind, order.id, other, earlier?.partition);
}

function kindFor(dice: number, hasEarlier: boolean): SendKind {
  if (dice < SHARES.poison) return "poison";
  if (!hasEarlier) return "order";
  if (dice < SHARES.poison + SHARES.conflict) return "conflict";
  return dice < SHARES.poison + SHARES.conflict + SHARES.again ? "again" : "order";
}

function record(n: number, kind: SendKind, id: string, value: Buffer | null, partition?: number): RecordToSend {
  return { n, kind, id, sha256: value && hash("sha256", value), value, partition };
}
