import { createPace } from "./pace";

test("records go at their rate, however many go at a time", async () => {
  const pace = createPace(1_000);
  const start = performance.now();
  for (const records of [250, 1, 249, 100]) await pace(records, new AbortController().signal);
  // The last hundred have to wait for the five hundred before them.
  expect(performance.now() - start).toBeGreaterThan(490);
});

test("an abort ends the wait", async () => {
  const pace = createPace(0.01);
  const abort = new AbortController();
  await pace(1, abort.signal);
  const waiting = pace(1, abort.signal);
  abort.abort();
  await waiting;
});
