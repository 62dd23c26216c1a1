const DATE_TIME =
  /^(\d{4})-(\d\d)-(\d\d)[Tt]([01]\d|2[0-3]):([0-5]\d):([0-5]\d|60)(?:\.\d+)?(?:[Zz]|([+-])([01]\d|2[0-3]):([0-5]\d))$/;

/**
 * Tells whether a text is a date-time of RFC 3339, section 5.6, in the years 1 to 9999. A leap second is taken where
 * one can be: at 23:59:60 UTC.
 */
export function isRfc3339(text: string): boolean {
  const match = DATE_TIME.exec(text);
  if (!match) return false;
  const [year, month, day] = [Number(match[1]), Number(match[2]), Number(match[3])];
  if (!year || !month || !day || month > 12 || day > daysIn(year, month)) return false;
  if (match[6] !== "60") return true;
  const sign = match[7] === "-" ? -1 : 1;
  const offset = sign * (Number(match[8] ?? 0) * 60 + Number(match[9] ?? 0));
  const minuteOfDayUtc = (Number(match[4]) * 60 + Number(match[5]) - offset + 2 * 1440) % 1440;
  return minuteOfDayUtc === 23 * 60 + 59;
}

function daysIn(year: number, month: number): number {
  if (month === 2) return year % 4 === 0 && (year % 100 !== 0 || year % 400 === 0) ? 29 : 28;
  return month === 4 || month === 6 || month === 9 || month === 11 ? 30 : 31;
}
