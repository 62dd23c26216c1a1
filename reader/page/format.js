/** Shown where an order has nothing. */
export const NOTHING = "—";

/** A value of an order as text. Strings are shown as they are; what should not be there is shown as JSON. */
export function asText(value) {
  if (value === undefined || value === null || value === "") return NOTHING;
  return typeof value === "object" ? JSON.stringify(value) : String(value);
}

/** The exact sum of whole numbers, or undefined if one is none. */
export function sumOf(values) {
  return values.every(Number.isSafeInteger) ? values.reduce((sum, value) => sum + BigInt(value), 0n) : undefined;
}

/**
 * Writes numbers and times as the viewer does.
 *
 * @param {string} locale a BCP 47 tag
 * @param {string} [timeZone] the viewer's own if it is left out
 */
export function createFormat(locale, timeZone) {
  const isNumber = (value) => typeof value === "number" || typeof value === "bigint";
  // Made once: an order may have thousands of items, and making one of these takes longer than writing a number.
  const plain = new Intl.NumberFormat(locale);
  const percent = new Intl.NumberFormat(locale, { style: "percent", maximumFractionDigits: 2 });
  const moneyIn = lastOnly(
    (currency) => new Intl.NumberFormat(locale, { style: "currency", currency, minimumFractionDigits: 0 }),
  );
  const number = (value) => (isNumber(value) ? plain.format(value) : asText(value));
  const timeFormat = new Intl.DateTimeFormat(locale, {
    dateStyle: "long",
    timeStyle: timeZone ? "long" : "short",
    timeZone,
  });
  const clockFormat = new Intl.DateTimeFormat(locale, { timeStyle: "medium", timeZone });
  return {
    number,

    /**
     * An amount of money. Amounts are published as whole numbers without a unit of their own; they are taken as the
     * currency's main unit (1817 USD is $1,817), because the goods that they pay for cost such sums in it, and because a
     * currency's minor unit would need knowledge that the order does not carry. No digits are invented behind the point.
     * A currency that Intl does not take is written after the number.
     */
    money(amount, currency) {
      if (!isNumber(amount)) return asText(amount);
      try {
        return moneyIn(currency).format(amount);
      } catch {
        return [number(amount), typeof currency === "string" ? currency : ""].join(" ").trim();
      }
    },

    /** @param value per cent: 30 is 30 % */
    percent(value) {
      if (typeof value !== "number") return asText(value);
      return percent.format(value / 100);
    },

    /** @returns `{ text, machine }`; machine is undefined if the value is no instant */
    time(value) {
      const date = new Date(value);
      if (Number.isNaN(date.getTime())) return { text: asText(value), machine: undefined };
      return { text: timeFormat.format(date), machine: date.toISOString() };
    },

    /** The time of day of an instant. */
    clock: (value) => clockFormat.format(new Date(value)),
  };
}

/** A function that remembers its last answer: all of an order's sums are in one currency. */
function lastOnly(make) {
  let last;
  return (key) => {
    if (last?.key !== key) last = { key, made: make(key) };
    return last.made;
  };
}
