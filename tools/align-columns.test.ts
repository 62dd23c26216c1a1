import stringWidth from "string-width";
import { alignColumns, type Cut, widthOf } from "./align-columns";

const head = ["id", "mistake", "for example"];
const long = `/payment/amount ${"must be an integer ".repeat(5)}`.trim();
const rows = [
  head,
  ["orders:1:0:686", long, "orders:1:0:7 (10), orders:1:0:8 (11)"],
  ["orders:1:0:7", "short", "a (1)"],
];
const cuts: readonly Cut[] = ["never", "words", "list"];
const widest = (lines: readonly string[]) => Math.max(...lines.map((line) => stringWidth(line)));

test("where there is no terminal, nothing is cut", () => {
  const lines = alignColumns(rows, cuts, widthOf({ isTTY: false, columns: 40 }));
  expect(lines[1]).toBe(`orders:1:0:686  ${long}  orders:1:0:7 (10), orders:1:0:8 (11)`);
  expect(lines[2]).toBe(`orders:1:0:7    ${"short".padEnd(long.length)}  a (1)`);
});

test.each([150, 100, 80, 60])("a table fits %d columns, and what the next command is given stays whole", (width) => {
  const lines = alignColumns(rows, cuts, widthOf({ isTTY: true, columns: width }));
  expect(widest(lines)).toBeLessThanOrEqual(width);
  expect(lines[1]).toMatch(/^orders:1:0:686 {2}\/paymen.* {2}orders:1:0:7 \(10\), (orders:1:0:8 \(11\)|…)$/);
  expect(lines[2]).toMatch(/^orders:1:0:7 {4}short +a \(1\)$/);
  if (width < 140) expect(lines[1]).toContain("…");
});

test("what must not be cut makes a table wider than its terminal", () => {
  const [, line] = alignColumns(rows, cuts, 20);
  expect(line).toBe("orders:1:0:686  /paymen…  orders:1:0:7 (10), …");
});

test("where cutting is not enough, the least important columns are left out, and no more than have to be", () => {
  const at = (width: number) => alignColumns(rows, cuts, width, [2, 0])[1];
  expect(at(46)).toBe("orders:1:0:686  /paymen…  orders:1:0:7 (10), …");
  expect(at(45)).toBe("orders:1:0:686  /payment/amount must be an i…");
  expect(at(20)).toBe("/payment/amount mus…");
});

test("a character that takes two columns is counted as two, and none is cut in half", () => {
  const flag = "🇩🇪";
  const lines = alignColumns(
    [
      ["a", "b"],
      ["注文注文注文注文", "x"],
      [flag.repeat(9), "y"],
    ],
    ["words", "never"],
    14,
  );
  expect(lines.map((line) => stringWidth(line))).toEqual([14, 14, 14]);
  expect(lines[1]).toBe("注文注文注…  x");
  expect(lines[2]).toBe(`${flag.repeat(5)}…  y`);
});
