import { batchesOf, type PublishRecord } from "./batches";

function* records(count: number, bytes: number): Generator<PublishRecord> {
  for (let index = 0; index < count; index++) {
    yield { index, id: `id${index}`, value: Buffer.alloc(bytes), broken: false };
  }
}

async function sizes(
  from: Iterable<PublishRecord>,
  rate?: number,
  signal = new AbortController().signal,
): Promise<number[]> {
  const found: number[] = [];
  for await (const batch of batchesOf(from, { rate, signal })) found.push(batch.length);
  return found;
}

test("a batch holds at most 512 KiB", async () => {
  const found = await sizes(records(1_000, 1_300));
  expect(found.reduce((sum, size) => sum + size)).toBe(1_000);
  expect(Math.max(...found) * 1_300).toBeLessThanOrEqual(512 * 1024);
  expect(found[0]).toBeGreaterThan(350);
});

test("a record that is larger than a batch goes alone", async () => {
  expect(await sizes(records(3, 2_000_000))).toEqual([1, 1, 1]);
});

test("with a rate no record comes before it is due, and a slow one comes for itself", async () => {
  const start = performance.now();
  const cameAt: number[] = [];
  for await (const batch of batchesOf(records(5, 10), { rate: 20, signal: new AbortController().signal })) {
    for (let n = 0; n < batch.length; n++) cameAt.push(performance.now() - start);
  }
  expect(cameAt).toHaveLength(5);
  for (const [n, ms] of cameAt.entries()) expect(ms).toBeGreaterThan(50 * n - 10);
  expect(await sizes(records(3, 10), 2)).toEqual([1, 1, 1]);
});

test("a high rate is kept with a batch for several records", async () => {
  const start = performance.now();
  const found = await sizes(records(2_000, 10), 5_000);
  const ms = performance.now() - start;
  expect(found.length).toBeLessThan(40);
  expect(ms).toBeGreaterThan(340);
  expect(ms).toBeLessThan(3_000);
});

test("stopping ends a wait at once and takes no further record", async () => {
  const controller = new AbortController();
  const all = records(10, 10);
  const start = performance.now();
  setTimeout(() => controller.abort(), 50);
  const found = await sizes(all, 0.1, controller.signal);
  expect(found).toEqual([1]);
  expect(performance.now() - start).toBeLessThan(2_000);
});
