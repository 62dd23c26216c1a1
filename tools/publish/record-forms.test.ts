import { readFileSync } from "node:fs";
import { join } from "node:path";
import { projectRoot } from "../../runtime/project-root";
import { recordsOf } from "./record-forms";

function taken(text: string | Buffer): [form: string, ...values: string[]] {
  const { form, values } = recordsOf(Buffer.from(text as string));
  return [form, ...values.map((value) => value.toString("latin1"))];
}

test("the example order is one record, byte for byte", () => {
  const example = readFileSync(join(projectRoot(), "ingestor/order-example.json"));
  expect(recordsOf(example)).toEqual({ form: "record", values: [example] });
});

test.each([
  ['{"order_uid":"a"}\n'],
  ['{"order_uid":"a"}'],
  ['\r\n \t{\r\n"order_uid" : "a"\r\n}\r\n\r\n'],
  ['\u00ef\u00bb\u00bf{"order_uid":"a"}'],
  ['{\n  "order_uid": "a",\n  "broken\n}\n'],
  ['[{"a":1},\n{"a":2}'],
  ['{"a":1}]'],
  ["no JSON\nat all\n"],
  ["\u00ff\u00fe\u0000"],
  ['"text"'],
  ["\n"],
  [""],
])("%j is one record with all its white space", (text) => {
  expect(taken(Buffer.from(text, "latin1"))).toEqual(["record", text]);
});

test("an array gives the exact text of each of its elements", () => {
  const elements = [
    '{ "order_uid" : "a",\r\n "n": 1.0 }',
    '{"text":"a \\"quoted\\" ] , [ \\\\"}',
    '"one quotation mark: \\" , "',
    "[1,[2]]",
    "1e2",
    '"\\u0041"',
    "null",
    '{"name":"Ёж"}',
  ];
  const file = ` [\n\t${elements.join("\r\n ,  ")} ]\n`;
  expect(recordsOf(Buffer.from(file)).values.map(String)).toEqual(elements);
  expect(recordsOf(Buffer.from(`\ufeff${file}`)).values.map(String)).toEqual(elements);
});

test("an element keeps bytes that are no UTF-8", () => {
  const file = Buffer.from('[{"a":"\u00ff\u00c3"},{"b":2}]', "latin1");
  expect(taken(file)).toEqual(["array", '{"a":"\u00ff\u00c3"}', '{"b":2}']);
});

test("an array of an array of 10,000 levels is one element", () => {
  const deep = "[".repeat(10_000) + "]".repeat(10_000);
  expect(taken(`[${deep}]`)).toEqual(["array", deep]);
});

test("an empty array has no records", () => {
  expect(taken(" [ \n ] ")).toEqual(["array"]);
});

test("NDJSON gives each line that is not blank, without its line end, whatever it holds", () => {
  expect(taken('{"a":1}\n {"b":2} \r\n\r\n  \nrubbish\n{"c":\n{"d":4}')).toEqual([
    "ndjson",
    '{"a":1}',
    ' {"b":2} ',
    "rubbish",
    '{"c":',
    '{"d":4}',
  ]);
});

test("NDJSON may begin with a byte order mark, which belongs to no record", () => {
  expect(taken('\ufeff{"a":1}\n{"b":2}\n')).toEqual(["ndjson", '{"a":1}', '{"b":2}']);
});
