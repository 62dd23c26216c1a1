import { UsageError } from "../usage-error";
import { readOptions } from "./options";

test("everything that can be asked for is read", () => {
  const args =
    "a.json - --sample --generate 10 --rate 0.5 --seed 0 --bad 0.25 --topic t --key= --codec zstd --dry-run --json";
  expect(readOptions(args.split(" "))).toEqual({
    files: ["a.json", "-"],
    sample: true,
    generate: 10,
    rate: 0.5,
    seed: 0,
    bad: 0.25,
    topic: "t",
    key: "",
    codec: "zstd",
    dryRun: true,
    json: true,
  });
});

test.each([
  ["", /nothing to publish/],
  ["--dry-run", /nothing to publish/],
  ["--sample --what", /unknown option '--what'/],
  ["--generate 0", /whole number from 1/],
  ["--generate 1.5", /whole number from 1/],
  ["--generate -1", /whole number from 1|unknown option/],
  ["--generate 1e3", /whole number from 1/],
  ["--generate", /argument missing/],
  ["--sample --rate 0", /above 0/],
  ["--sample --rate -3", /above 0|unknown option/],
  ["--sample --rate many", /above 0/],
  ["--sample --rate Infinity", /above 0/],
  ["--generate 1 --seed x", /whole number from 0/],
  ["--generate 1 --seed 9007199254740992", /whole number from 0/],
  ["--generate 1 --bad 1.1", /from 0 to 1/],
  ["--generate 1 --bad NaN", /from 0 to 1/],
  ["--sample --bad 0.1", /--bad .* --generate/],
  ["--sample --seed 1", /--seed .* --generate/],
  ["--sample --codec brotli", /none, gzip, snappy, lz4, zstd/],
  ["--sample --topic=", /must not be empty/],
])("%j is refused with what to do instead", (args, message) => {
  const read = () => readOptions(args.split(" ").filter(Boolean));
  expect(read).toThrow(UsageError);
  expect(read).toThrow(message);
});
