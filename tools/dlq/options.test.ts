import { UsageError } from "../usage-error";
import { patternOf } from "./find-letters";
import { readOptions } from "./options";

const now = new Date("2026-11-22T12:00:00Z");
const read = (...args: string[]) => readOptions(args, now);

test("without a command it counts", () => {
  expect(read()).toEqual({ command: "stats", json: false });
  expect(read("--json")).toEqual({ command: "stats", json: true });
  expect(read("stats", "--json")).toEqual({ command: "stats", json: true });
});

test("a list can be narrowed down", () => {
  expect(read("list")).toEqual({ command: "list", json: false, undelivered: false, open: false, limit: 20 });
  const args = [
    "--reason",
    "schema",
    "--path",
    "/items",
    "--since",
    "90m",
    "--limit",
    "3",
    "--undelivered",
    "--open",
    "--json",
  ];
  expect(read("list", ...args)).toEqual({
    ...{ command: "list", json: true, undelivered: true, open: true, limit: 3 },
    ...{ reason: "schema", path: "/items", since: new Date("2026-11-22T10:30:00Z") },
  });
  expect(read("list", "--since", "2026-11-01T00:00Z")).toMatchObject({ since: new Date("2026-11-01T00:00:00Z") });
});

test("a command that there is not is named, with those that there are", () => {
  expect(() => read("frob")).toThrow(
    new UsageError('unknown command "frob" (stats, list, show)\nnpm run dlq -- --help lists what can be asked for'),
  );
});

test.each([
  [["list", "--frob"], "unknown option '--frob'\nnpm run dlq -- list --help lists what can be asked for"],
  [["list", "--unde"], "unknown option '--unde'\n(Did you mean --undelivered?)\nnpm run dlq -- list --help lists"],
  [
    ["--reason", "schema"],
    "unknown option '--reason'\n(Did you mean npm run dlq -- list --reason?)\nnpm run dlq -- --help",
  ],
  [["list", "--reasno"], "unknown option '--reasno'\n(Did you mean --reason?)\nnpm run dlq -- list --help lists"],
])("%j is refused with the nearest option and the help that tells of it", (args, words) => {
  expect(() => read(...args)).toThrow(words);
});

test("a letter is shown masked unless it is asked for in full or raw", () => {
  expect(read("show", "orders:1:0:5")).toEqual({
    ...{ command: "show", id: "orders:1:0:5", json: false, raw: false, full: false },
  });
  expect(read("show", "7", "--raw")).toMatchObject({ id: "7", raw: true });
  expect(read("show", "7", "--full")).toMatchObject({ full: true });
});

test.each([
  ["show"],
  ["show", "1", "2"],
  ["list", "--reason", "unknown"],
  ["list", "--since", "yesterday"],
  ["list", "--limit", "0"],
  ["list", "--path", "payment/amount"],
  ["nonsense"],
  ["--nonsense"],
])("%s %s %s is used wrongly", (...args) => {
  expect(() => read(...args)).toThrow(UsageError);
});

test.each([
  ["/payment", ["/payment must be object", "/payment/amount must be integer", "/x a\n/payment b"], ["/payments x"]],
  ["/items/*/price", ["/items/0/price must be integer", "/items/17/price x"], ["/items/x/price y", "/items/0/prices"]],
  ["/", ["/ is not JSON"], ["/payment must be object"]],
  ["/a.b+(c", ["/a.b+(c is wrong"], ["/aXb+(c is wrong"]],
])("the path %s stands for mistakes there and below", (path, matching, others) => {
  const pattern = new RegExp(patternOf(path));
  expect(matching.filter((errors) => !pattern.test(errors))).toEqual([]);
  expect(others.filter((errors) => pattern.test(errors))).toEqual([]);
});
