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
