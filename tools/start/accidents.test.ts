import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { tellAccidents } from "./accidents";
import { writeEnvFile } from "./env-file";
import { type Home, openHome } from "./home";
import { createSteps } from "./steps";

let home: Home;

const told = (): string => {
  let text = "";
  tellAccidents(
    home,
    createSteps({
      write: (words) => {
        text += words;
      },
    }),
  );
  return text;
};

beforeEach(() => {
  home = openHome({ ORDERS_HOME: mkdtempSync(join(tmpdir(), "orders-accidents-")) });
  for (const name of ["passwords.json", "ports.json", "running.json"]) writeFileSync(home.path(name), "{}");
  writeEnvFile(home, { KAFKA_BROKERS: "127.0.0.1:9092", READER_URL: "http://127.0.0.1:8080" }, ["KAFKA_BROKERS"]);
});

afterEach(() => rmSync(home.folder, { recursive: true }));

test("after an orderly stop, and in a new home, nothing is told", () => {
  expect(told()).toBe("");
  rmSync(home.path("env"));
  expect(told()).toBe("");
});

test.each(["env", "passwords.json", "ports.json", "running.json"])(
  "a damaged %s is told, empty, cut or full of zeros",
  (name) => {
    for (const bytes of [Buffer.alloc(0), Buffer.alloc(64), Buffer.from("KAFKA_BROKERS='127.0.0")]) {
      writeFileSync(home.path(name), bytes);
      expect(told()).toContain(`${home.path(name)} is damaged (${bytes.length} bytes): `);
    }
  },
);

test("what ran when the last run ended by force is named", () => {
  writeFileSync(
    home.path("running.json"),
    JSON.stringify({ Kafka: { pid: 1, born: "x" }, reader: { pid: 2, born: "y" } }),
  );
  expect(told()).toContain("the last run was not stopped: Kafka, reader ran");
});
