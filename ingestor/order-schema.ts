import { isRfc3339 } from "./rfc3339";

/** 2^53 - 1: beyond it a JSON number does not survive being read by JavaScript. */
const MAX_INTEGER = Number.MAX_SAFE_INTEGER;
/** 9999-12-31T23:59:59Z in seconds since 1970; PostgreSQL and people stop at four digits of a year. */
const END_OF_YEAR_9999 = 253_402_300_799;

const text = { type: "string" } as const;
const count = { type: "integer", minimum: 0, maximum: MAX_INTEGER } as const;

function object<const Properties extends Record<string, object>>(properties: Properties) {
  return { type: "object", required: Object.keys(properties), properties } as const;
}

/**
 * What an order has to look like: JSON Schema, as ajv reads it. All fields are required. Unknown further fields are
 * allowed: a producer that grows a field must not lose its orders. What a schema cannot say (bytes, duplicate keys,
 * depth, the form of an id) is in judge.ts.
 */
export const orderSchema = object({
  order_uid: text,
  track_number: text,
  entry: text,
  delivery: object({
    name: text,
    phone: text,
    zip: text,
    city: text,
    address: text,
    region: text,
    email: text,
  }),
  payment: object({
    transaction: text,
    request_id: text,
    currency: text,
    provider: text,
    amount: count,
    payment_dt: { ...count, maximum: END_OF_YEAR_9999 },
    bank: text,
    delivery_cost: count,
    goods_total: count,
    custom_fee: count,
  }),
  items: {
    type: "array",
    minItems: 1,
    items: object({
      chrt_id: count,
      track_number: text,
      price: count,
      rid: text,
      name: text,
      sale: count,
      size: text,
      total_price: count,
      nm_id: count,
      brand: text,
      status: count,
    }),
  },
  locale: text,
  internal_signature: text,
  customer_id: text,
  delivery_service: text,
  shardkey: text,
  sm_id: count,
  date_created: { type: "string", format: "rfc3339" },
  oof_shard: text,
});

/** The formats that the schema names. ajv-formats is laxer than the standard (offsets like `+01`, the year 0000). */
export const orderFormats = { rfc3339: isRfc3339 } as const;
