import { execFileSync } from "node:child_process";
import { mkdtempSync, rmSync, statSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { forgetOwnAddresses, readEnvFile, writeEnvFile } from "./env-file";
import { type Home, openHome } from "./home";

const addresses = { KAFKA_BROKERS: "127.0.0.1:9092", DATABASE_URL: "postgresql://a:b@host/db?x=1&y=%23#$HOME" };
let home: Home;

beforeEach(() => {
  home = openHome({ ORDERS_HOME: mkdtempSync(join(tmpdir(), "orders-env-")) });
  writeEnvFile(home, addresses);
});

afterEach(() => rmSync(home.folder, { recursive: true }));

test("what was written is read back", () => {
  expect(readEnvFile(home)).toEqual(addresses);
});

test("a shell that sources the file has the same addresses", () => {
  const script = `. '${home.path("env")}'; printf %s "$DATABASE_URL"`;
  expect(execFileSync("sh", ["-c", script], { encoding: "utf8" })).toBe(addresses.DATABASE_URL);
});

test("only its owner may read the file", () => {
  expect(statSync(home.path("env")).mode & 0o777).toBe(0o600);
});

test("of what a shell has sourced, a start forgets the addresses of services that are its own", () => {
  writeEnvFile(home, addresses, ["DATABASE_URL", "REDIS_URL"]);
  expect(readEnvFile(home)).toEqual(addresses);
  const sourced = { ...addresses, HOME: "/" };
  expect(forgetOwnAddresses(home, sourced)).toEqual(["DATABASE_URL"]);
  // Kafka was somebody else's, and still is, though the file has the same address.
  expect(sourced).toEqual({ KAFKA_BROKERS: addresses.KAFKA_BROKERS, HOME: "/" });
  const elsewhere = { DATABASE_URL: "postgresql://other" };
  expect(forgetOwnAddresses(home, elsewhere)).toEqual([]);
  expect(elsewhere).toEqual({ DATABASE_URL: "postgresql://other" });
});
