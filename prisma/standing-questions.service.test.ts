import pg from "pg";
import { type HalfOpenProxy, startHalfOpenProxy } from "../e2e/support/half-open-proxy";
import { createTestDatabase, type TestDatabase } from "../e2e/support/test-database";
import { createStandingQuestions, type StandingQuestions } from "./standing-questions";

const PREPARED = { name: "prepared", text: "SELECT name FROM pg_prepared_statements WHERE $1" } as const;
const PROCESS = { name: "process", text: "SELECT pg_backend_pid() AS pid WHERE $1" } as const;

let database: TestDatabase;
let proxy: HalfOpenProxy;
let questions: StandingQuestions;

beforeEach(async () => {
  database = await createTestDatabase();
  proxy = await startHalfOpenProxy(database.readerUrl);
  questions = createStandingQuestions(proxy.url, "test-questions");
});

afterEach(async () => {
  await questions.close();
  await proxy.close();
  await database.drop();
});

const serverProcess = async (): Promise<number> => {
  const [row] = await questions.ask<{ pid: number }>(PROCESS, [true]);
  return row?.pid ?? 0;
};

test("a question is prepared once, on one connection", async () => {
  const first = await serverProcess();
  expect(await serverProcess()).toBe(first);
  expect(await questions.ask(PREPARED, [true])).toEqual([{ name: "process" }, { name: "prepared" }]);
});

test("a refusal by the server is told, and the next question is answered", async () => {
  await expect(questions.ask({ name: "wrong", text: "SELECT nothing" }, [])).rejects.toMatchObject({ code: "42703" });
  expect(await serverProcess()).toBeGreaterThan(0);
});

// G3. Fails when the next question has to find out that its connection has ended.
test("a connection that is lost between two questions costs the next one nothing", async () => {
  await questions.close();
  questions = createStandingQuestions(database.readerUrl, "test-questions");
  const lost = await serverProcess();
  const other = new pg.Client({ connectionString: database.readerUrl });
  await other.connect();
  await other.query("SELECT pg_terminate_backend($1, 10000)", [lost]);
  // The server process is gone; that it is has come here before these answers have.
  for (let answers = 0; answers < 3; answers++) await other.query("SELECT");
  await other.end();
  expect(await serverProcess()).not.toBe(lost);
});

// G3. Fails when a connection that gives no answer is kept.
test("one that falls silent is given up, and the next question goes over another one", async () => {
  const before = await serverProcess();
  proxy.fallSilent();
  await expect(serverProcess()).rejects.toThrow("the server has not answered");
  expect(await serverProcess()).not.toBe(before);
});
