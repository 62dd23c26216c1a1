import { execFileSync } from "node:child_process";
import { mkdtempSync, rmSync, statSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { readEnvFile, writeEnvFile } from "./env-file";
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
