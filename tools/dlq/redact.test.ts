import { exampleOrder } from "../../e2e/support/judged-records";
import { printable, redactValue, showBytes } from "./redact";

test("JSON keeps its structure and its white space; strings become their lengths, numbers 0", () => {
  const text = '{ "name" : "Ivanov \\u0041\\n\\"",\n\t"sum":-1.5e+3, "list": ["x", 12, true, null], "name": "" }';
  expect(redactValue(Buffer.from(text))).toBe(
    '{ "name" : "<10>",\n\t"sum":0, "list": ["<1>", 0, true, null], "name": "<0>" }',
  );
  expect(redactValue(Buffer.from('"a: \\"b\\": c"'))).toBe('"<9>"');
});

test("nothing of the example order's values is left", () => {
  const redacted = redactValue(exampleOrder);
  expect(redacted).not.toMatch(/Test|Ivan|[1-9]\d{2}|gmail|\+972/);
  expect(Object.keys(JSON.parse(redacted))).toEqual(Object.keys(JSON.parse(exampleOrder.toString())));
});

test("what is no JSON shows where it breaks, and no letter of it", () => {
  expect(redactValue(Buffer.from('{"name": "Иван", 1'))).toBe('{"xxxx": "xxxx", x');
  expect(redactValue(Buffer.from([0xff, 0x7b, 0x00]))).toBe("x{x");
  expect(redactValue(Buffer.from("\u{1f69a} a\u001b[2J"))).toBe("x xx[xx");
  expect(redactValue(Buffer.alloc(0))).toBe("");
});

test("what is long is cut, and says so", () => {
  expect(redactValue(Buffer.alloc(20_000, "a"))).toBe(`${"x".repeat(16_384)}… (3616 more characters)`);
});

test("a terminal gets no orders from a key or a header", () => {
  expect(redactValue(Buffer.from('{"\u009b2J": 1}'))).toBe('{"\ufffd2J": 0}');
  expect(printable("a\u001b[2J\u0000\n\tb")).toBe("a\ufffd[2J\ufffd\n\tb");
  expect(showBytes(Buffer.from("a\u0007"))).toBe("a\ufffd");
  expect(showBytes(Buffer.from([0xff, 0x01]))).toBe("0xff01");
});
