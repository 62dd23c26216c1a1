import { readFileSync } from "node:fs";
import { join } from "node:path";
import { Ajv } from "ajv";
import { judge, MAX_DOCUMENT_BYTES } from "./judge";
import { orderSchema } from "./order-schema";

const example = readFileSync(join(__dirname, "order-example.json"));

/** The example with one part of its text replaced. */
function withText(part: string | RegExp, replacement: string): Buffer {
  const text = example.toString().replace(part, () => replacement);
  expect(text).not.toBe(example.toString());
  return Buffer.from(text);
}

function withId(id: string): Buffer {
  return withText('"order_uid": "b563feb7b2b84b6test"', `"order_uid": ${JSON.stringify(id)}`);
}

/** The example with a further field. */
function withField(field: string): Buffer {
  return withText('"oof_shard": "1"', `"oof_shard": "1", ${field}`);
}

function exampleWithItems(items: string): string {
  return example.toString().replace(/"items": \[.*\],/s, () => `"items": [${items}],`);
}

function refusal(value: Buffer | null): string {
  const verdict = judge(value);
  return verdict.kind === "rejected" ? `${verdict.reason}: ${verdict.errors.join(" | ")}` : "accepted";
}

describe("an order", () => {
  it("is accepted with its id, its very bytes and their SHA-256", () => {
    const verdict = judge(example);
    expect(verdict).toMatchObject({ kind: "accepted", id: "b563feb7b2b84b6test" });
    expect(verdict.kind === "accepted" && verdict.document).toBe(example);
    expect(verdict.kind === "accepted" && verdict.sha256.toString("hex")).toBe(
      "8426c51b2644359fec2b409ad5c83d29c0197d0a444ac51aeab077bbf281d88a",
    );
  });

  it.each([
    [
      "with Windows line ends and white space around it",
      Buffer.from(` \t\r\n${example.toString().replaceAll("\n", "\r\n")}\n\n`),
    ],
    ["with fields that nobody knows", withField('"gift": {"wrap": [true, null, -1.5e-7]}')],
    [
      "with a field named like a method of every object",
      withField('"toString": 1, "constructor": 2, "__proto__": {"a": 3}'),
    ],
    ["with whole numbers written as fractions or powers", withText("1817", "1817.0").subarray()],
    ["with a number in exponential form", withText("1817", "1e2")],
    ["with money of 2^53 - 1", withText("1817", "9007199254740991")],
    ["with Cyrillic text and an emoji", withText("Test Testov", "Тест Тестов 🚚")],
    ["with an escaped surrogate pair", withText("Test Testov", "\\ud83d\\ude9a")],
    ["with nesting of 32", withField(`"deep": ${"[".repeat(31)}${"]".repeat(31)}`)],
    ["with one key in two objects", withField('"a": {"x": 1}, "b": {"x": 1}')],
    ["with colons, braces and quotes inside texts", withField('"a": "{\\"b\\": [1], \\\\\\"c\\": :::"')],
    ["with a tiny number in a field that nobody knows", withField('"tiny": 1e-400')],
    ["with an offset of nearly a day", withText("2021-11-26T06:22:19Z", "2021-11-26t06:22:19.123456789012+23:59")],
    ["with a leap second", withText("2021-11-26T06:22:19Z", "2016-12-31T15:59:60-08:00")],
    ["in the year 1", withText("2021-11-26T06:22:19Z", "0001-01-01T00:00:00+23:59")],
    ["paid in the last second of 9999", withText("1637907727", "253402300799")],
  ])("is accepted %s", (_, value) => {
    expect(refusal(value)).toBe("accepted");
  });

  it("is told by its id as it is, unnormalised and untrimmed", () => {
    for (const id of [" a ", "a/b?c#d%2F", "é", "e\u0301", "日本", "🚚".repeat(128), "...", "x".repeat(128)]) {
      expect(judge(withId(id))).toMatchObject({ kind: "accepted", id });
    }
    expect(judge(withText("b563feb7b2b84b6test", "\\u00e9\\/"))).toMatchObject({ kind: "accepted", id: "é/" });
  });
});

describe("what is no order is refused:", () => {
  it.each([
    ["a tombstone", null, "deserialize: / is a tombstone"],
    ["an empty value", Buffer.alloc(0), "deserialize: / is empty"],
    ["invalid UTF-8", Buffer.concat([example, Buffer.from([0xff])]), "deserialize: / is not UTF-8"],
    [
      "a surrogate in UTF-8",
      Buffer.concat([Buffer.from('"'), Buffer.from([0xed, 0xa0, 0x80]), Buffer.from('"')]),
      "deserialize: / is not UTF-8",
    ],
    [
      "a byte order mark",
      Buffer.concat([Buffer.from([0xef, 0xbb, 0xbf]), example]),
      "deserialize: / begins with a byte order mark",
    ],
    ["text", Buffer.from("hello"), "deserialize: / is not JSON"],
    ["half an order", example.subarray(0, 500), "deserialize: / is not JSON"],
    [
      "an order that ends within a text",
      example.subarray(0, example.indexOf("Test Testov") + 4),
      "deserialize: / is not JSON",
    ],
    ["two orders", Buffer.concat([example, example]), "deserialize: / is not JSON"],
    ["an order with a raw U+0000 in a text", withText("Test Testov", "a\u0000b"), "deserialize: / is not JSON"],
    ["more than a mebibyte", withField(`"x": "${"x".repeat(MAX_DOCUMENT_BYTES)}"`), "oversize: / has"],
    ["an array", Buffer.from(`[${example}]`), "schema: / must be object"],
    ["null", Buffer.from("null"), "schema: / must be object"],
    ["10,000 nested arrays", Buffer.from("[".repeat(10_000) + "]".repeat(10_000)), "schema: / is nested 10000 deep"],
    [
      "half a million nested arrays",
      Buffer.from("[".repeat(500_000) + "]".repeat(500_000)),
      "schema: / is nested 500000 deep",
    ],
    ["nesting of 33", withField(`"deep": ${"[".repeat(32)}${"]".repeat(32)}`), "schema: / is nested 33 deep"],
    ["an escaped U+0000", withText("Test Testov", "a\\u0000b"), "schema: / has an escape that stands for no character"],
    ["an escaped U+0000 in a key", withField('"a\\u0000": 1'), "schema: / has an escape that stands for no character"],
    [
      "half of a surrogate pair",
      withText("Test Testov", "\\ud83d"),
      "schema: / has an escape that stands for no character",
    ],
    [
      "a missing field",
      withText('"track_number": "WBILMTESTTRACK",\n   "entry"', '"entry"'),
      "schema: / must have required property 'track_number'",
    ],
    [
      "a missing field of an item",
      withText('"brand": "Vivienne Sabo",', ""),
      "schema: /items/0 must have required property 'brand'",
    ],
    ["a wrong type", withText('"+9720000000"', "9720000000"), "schema: /delivery/phone must be string"],
    ["no item", withText(/"items": \[.*\],/s, '"items": [],'), "schema: /items must NOT have fewer than 1 items"],
    ["a fraction of money", withText("1817", "1817.5"), "schema: /payment/amount must be integer"],
    ["negative money", withText("1817", "-1"), "schema: /payment/amount must be >= 0"],
    ["money beyond 2^53 - 1", withText("1817", "9007199254740993"), "schema: /payment/amount must be <="],
    [
      "a fraction that a double rounds away",
      withText("1817", "9007199254740990.4"),
      "schema: /payment/amount must be integer",
    ],
    ["a fraction too small for a double", withText("1817", "1e-400"), "schema: /payment/amount must be integer"],
    ["an infinite number", withField('"x": 1e400'), "schema: / has a number that is too large"],
    [
      "an infinite number without an exponent",
      withField(`"x": -${"9".repeat(400)}`),
      "schema: / has a number that is too large",
    ],
    ["a payment after the year 9999", withText("1637907727", "253402300800"), "schema: /payment/payment_dt must be <="],
    [
      "a date without a time",
      withText("2021-11-26T06:22:19Z", "2021-11-26"),
      'schema: /date_created must match format "rfc3339"',
    ],
    [
      "the 30th of February",
      withText("2021-11-26T06:22:19Z", "2024-02-30T00:00:00Z"),
      "schema: /date_created must match",
    ],
    ["the year 0", withText("2021-11-26T06:22:19Z", "0000-01-01T00:00:00Z"), "schema: /date_created must match"],
    [
      "a leap second at noon",
      withText("2021-11-26T06:22:19Z", "2016-12-31T12:00:60Z"),
      "schema: /date_created must match",
    ],
    [
      "an offset without minutes",
      withText("2021-11-26T06:22:19Z", "2021-11-26T06:22:19+01"),
      "schema: /date_created must match",
    ],
    ["a key that stands twice", withField('"locale": "de"'), "schema: /locale stands twice"],
    ["a key that stands twice, once escaped", withField('"loc\\u0061le": "de"'), "schema: /locale stands twice"],
    [
      "a key that stands twice in an item",
      withText('"brand"', '"size": "1", "brand"'),
      "schema: /items/0/size stands twice",
    ],
    ["__proto__ that stands twice", withField('"__proto__": 1, "__proto__": 2'), "schema: /__proto__ stands twice"],
    ["a Cyrillic key that stands twice", withField('"имя": 1, "имя": 2'), "schema: /имя stands twice"],
    ["an empty id", withId(""), "schema: /order_uid must not be empty"],
    ["a dot for an id", withId("."), "schema: /order_uid must not be a dot segment"],
    ["two dots for an id", withId(".."), "schema: /order_uid must not be a dot segment"],
    ["an id of 129 characters", withId("я".repeat(129)), "schema: /order_uid must not have more than 128"],
    ["an id with a line end", withId("a\nb"), "schema: /order_uid must not have control characters"],
    ["an id with a C1 control character", withId("a\u0085b"), "schema: /order_uid must not have control characters"],
  ])("%s", (_, value, expected) => {
    expect(refusal(value)).toMatch(new RegExp(`^${expected.replace(/[/()|+*?^$.\\[\]]/g, "\\$&")}`));
  });

  it("within a moment and little memory, whatever it is full of", () => {
    const before = process.memoryUsage().heapUsed;
    const cpu = process.cpuUsage();
    const empty = Buffer.from(exampleWithItems(`{},`.repeat(300_000).slice(0, -1)));
    expect(refusal(empty)).toMatch(/^schema: \/items\/0 must have required property/);
    const { user } = process.cpuUsage(cpu);
    expect(user / 1e6).toBeLessThan(3);
    expect((process.memoryUsage().heapUsed - before) / 1_048_576).toBeLessThan(200);
  });

  it("with a bounded report, though a key may be of any length", () => {
    const verdict = judge(withField(`"${"k".repeat(100_000)}": 1, "${"k".repeat(100_000)}": 2`));
    expect(verdict.kind === "rejected" && verdict.errors.join().length).toBeLessThan(600);
  });

  it("with at most ten mistakes, and never with a value of the document", () => {
    const verdict = judge(
      Buffer.from(JSON.stringify({ order_uid: "secret-id", delivery: { name: 5, phone: "secret" } })),
    );
    expect(verdict.kind).toBe("rejected");
    expect(verdict.kind === "rejected" && verdict.errors).toHaveLength(10);
    expect(JSON.stringify(verdict)).not.toContain("secret");
  });
});

// The judge does not look by itself, to be ready sooner (ajvOptions in judge.ts).
it("the schema of an order is one", () => {
  const ajv = new Ajv();
  expect([ajv.validateSchema(orderSchema), ajv.errors ?? []]).toEqual([true, []]);
});
