import { waitUntil } from "../../e2e/support/wait-until";
import { createSteps, type Steps } from "./steps";

let said: string;
const screenOf = (isTTY: boolean): Steps => createSteps({ isTTY, write: (text) => (said += text) });

beforeEach(() => {
  said = "";
});

test("on a terminal a long step says what is waited for, and its line takes the place of that", async () => {
  const step = screenOf(true).step("Kafka listens", () => waitUntil("it waits", () => /\(\d+ s\)\r$/.test(said)));
  await step;
  const [waiting, ...redrawn] = said.split("\r\u001b[K");
  expect(waiting).toMatch(/^ {2}waiting until Kafka listens \(\d+ s\)\r$/);
  expect(redrawn.join("")).toMatch(/Kafka listens \(\d+\.\d s\)\n$/);
});

test("where no terminal is, nothing is redrawn", async () => {
  const steps = screenOf(false);
  steps.progress(0.5, "half");
  await steps.step("the reader is ready", async () => {});
  expect(said).not.toContain("\r");
  expect(said).toMatch(/the reader is ready \(\d+\.\d s\)\n$/);
});

test("on a terminal a bar shows how far a long work is, and stays below what is said meanwhile", () => {
  const steps = screenOf(true);
  steps.progress(0.5, "32 of about 65 MB");
  expect(said).toBe(`  [${"#".repeat(15)}${".".repeat(15)}] 32 of about 65 MB\r`);
  said = "";
  steps.say("a line");
  expect(said).toBe(`\r\u001b[Ka line\n  [${"#".repeat(15)}${".".repeat(15)}] 32 of about 65 MB\r`);
  said = "";
  steps.progress();
  expect(said).toBe("\r\u001b[K");
});

test("a share of more than the whole, as of a download that was larger than expected, fills the bar", () => {
  screenOf(true).progress(1.2, "78 MB");
  expect(said).toContain(`[${"#".repeat(30)}]`);
});

test("with NO_COLOR a terminal gets no colour, and without it a green tick", async () => {
  const { NO_COLOR, ...env } = process.env;
  const before = process.env;
  try {
    process.env = { ...env, NO_COLOR: "1" };
    await screenOf(true).step("it is done", async () => {});
    expect(said).toMatch(/✓ it is done/);
    expect(said).not.toContain("\u001b[32m");
    process.env = env;
    await screenOf(true).step("it is done", async () => {});
    expect(said).toContain("\u001b[32m✓\u001b[0m it is done");
  } finally {
    process.env = before;
  }
});
