/** Shown where an order has nothing. */
export const NOTHING = "—";

/** A value of an order as text. Strings are shown as they are; what should not be there is shown as JSON. */
export function asText(value) {
  if (value === undefined || value === null || value === "") return NOTHING;
  return typeof value === "object" ? JSON.stringify(value) : String(value);
}

/**
 * An amount of money for the viewer. Amounts are published as whole numbers without a unit of their own; they are taken
 * as the currency's main unit (1817 USD is $1,817), because the goods that they pay for cost such sums in it, and
 * because a currency's minor unit would need knowledge that the order does not carry. No digits are invented behind the
 * point. A currency that Intl does not take is written after the number.
 */
export function asMoney(amount, currency) {
  if (typeof amount !== "number" && typeof amount !== "bigint") return asText(amount);
  try {
    return new Intl.NumberFormat(undefined, { style: "currency", currency, minimumFractionDigits: 0 }).format(amount);
  } catch {
    return [asNumber(amount), typeof currency === "string" ? currency : ""].join(" ").trim();
  }
}

export function asNumber(value) {
  return typeof value === "number" || typeof value === "bigint" ? new Intl.NumberFormat().format(value) : asText(value);
}

export function asPercent(value) {
  if (typeof value !== "number") return asText(value);
  return new Intl.NumberFormat(undefined, { style: "percent", maximumFractionDigits: 2 }).format(value / 100);
}

/** An instant in the viewer's language and time zone. @returns `{ text, machine }`; machine is undefined if it is none */
export function asTime(value) {
  const date = new Date(value);
  if (Number.isNaN(date.getTime())) return { text: asText(value), machine: undefined };
  const format = new Intl.DateTimeFormat(undefined, { dateStyle: "long", timeStyle: "short" });
  return { text: format.format(date), machine: date.toISOString() };
}

/** The exact sum of whole numbers, or undefined if one is none. */
export function sumOf(values) {
  return values.every(Number.isSafeInteger) ? values.reduce((sum, value) => sum + BigInt(value), 0n) : undefined;
}
