import type { GeneratedOrder } from "./generate-order";

/** The ways in which a record can fail to be an order, one of each that a judge has to tell apart. */
export const brokenKinds = [
  "not-json",
  "array",
  "empty",
  "null",
  "invalid-utf8",
  "nul-character",
  "missing-field",
  "wrong-type",
  "duplicate-key",
  "nested-arrays",
] as const;
export type BrokenKind = (typeof brokenKinds)[number];

/** A record that looks like the order that it replaces, and keeps its id as the key, but is no valid order. */
export interface BrokenRecord {
  readonly kind: BrokenKind;
  readonly id: string;
  /** `null` is a record without a value, as Kafka's tombstones are. */
  readonly bytes: Buffer | null;
}

/**
 * Breaks an order in exactly one way: nothing else about it is wrong.
 *
 * @param variant picks among the variants of a kind, such as the field that is missing; a whole number from 0
 */
export function breakOrder(order: GeneratedOrder, kind: BrokenKind, variant = 0): BrokenRecord {
  return { kind, id: order.id, bytes: breakers[kind](order.bytes.toString(), variant) };
}

/**
 * The same orders, with a share of them broken, every kind in its turn. The same seed breaks the same ones in the same
 * way. Of `n` orders, `n * share` are broken, rounded up or down.
 *
 * @param wish.share from 0 (none) to 1 (all)
 */
export function* breakSome(
  orders: Iterable<GeneratedOrder>,
  wish: { readonly share: number; readonly seed: number },
): Generator<GeneratedOrder | BrokenRecord> {
  // Where in the cycle the first one breaks, so that it is not always the same place.
  const phase = ((wish.seed % 97) + 0.5) / 97;
  let index = 0;
  let broken = 0;
  for (const order of orders) {
    index++;
    if (Math.floor(index * wish.share + phase) > broken) {
      const turn = (wish.seed % 1000) + broken;
      yield breakOrder(order, brokenKinds[turn % brokenKinds.length] ?? "empty", Math.floor(turn / brokenKinds.length));
      broken++;
    } else {
      yield order;
    }
  }
}

export function isBroken(record: GeneratedOrder | BrokenRecord): record is BrokenRecord {
  return "kind" in record;
}

/** Each on the text of a compact order, whose last character closes the object. */
const breakers: Record<BrokenKind, (text: string, variant: number) => Buffer | null> = {
  "not-json": (text, variant) => Buffer.from(text.slice(0, text.length - 1 - (variant % 100))),
  array: (text) => Buffer.from(`[${text}]`),
  empty: () => Buffer.alloc(0),
  null: () => null,
  "invalid-utf8": (text, variant) => {
    const [before, after] = splitInside(text, Math.floor(variant / 2));
    return Buffer.concat([
      Buffer.from(before),
      Buffer.from(variant % 2 === 0 ? [0xff] : [0xc3, 0x28]),
      Buffer.from(after),
    ]);
  },
  "nul-character": (text, variant) => Buffer.from(splitInside(text, variant).join("\\u0000")),
  "missing-field": (text, variant) => {
    const order = JSON.parse(text) as OrderText;
    const part = variant % 2 === 0 ? order : order.payment;
    const name = pick(Object.keys(part), Math.floor(variant / 2));
    delete part[name];
    return Buffer.from(JSON.stringify(order));
  },
  "wrong-type": (text, variant) => {
    const order = JSON.parse(text) as OrderText;
    const wrong: Record<string, () => void> = {
      amount: () => {
        order.payment["amount"] = String(order.payment["amount"]);
      },
      items: () => {
        order["items"] = {};
      },
      city: () => {
        order.delivery["city"] = null;
      },
      fraction: () => {
        order["sm_id"] = 1.5;
      },
      negative: () => {
        order.payment["delivery_cost"] = -1;
      },
      date: () => {
        order["date_created"] = "yesterday";
      },
    };
    wrong[pick(Object.keys(wrong), variant)]?.();
    return Buffer.from(JSON.stringify(order));
  },
  "duplicate-key": (text, variant) => {
    const name = variant % 2 === 0 ? '"locale"' : '"\\u006cocale"';
    return Buffer.from(`${text.slice(0, -1)},${name}:"en"}`);
  },
  // In a field of its own, because a field that the schema does not know is no fault.
  "nested-arrays": (text) => Buffer.from(`${text.slice(0, -1)},"extra":${"[".repeat(10_000)}${"]".repeat(10_000)}}`),
};

type OrderText = Record<string, unknown> & {
  delivery: Record<string, unknown>;
  payment: Record<string, unknown>;
};

/** The text before and after a place inside the value of a field that holds free text. */
function splitInside(text: string, variant: number): [string, string] {
  const field = pick(['"name":"', '"city":"', '"region":"', '"customer_id":"'], variant);
  const at = text.indexOf(field) + field.length;
  return [text.slice(0, at), text.slice(at)];
}

function pick(names: readonly string[], variant: number): string {
  return names[variant % names.length] ?? "";
}
