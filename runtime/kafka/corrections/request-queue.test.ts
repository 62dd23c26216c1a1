import { RequestQueue } from "../internals";
import { installCorrections } from "./install";

installCorrections();

const quiet = { debug: () => {}, warn: () => {} };

function queue(options: object = {}) {
  return new RequestQueue({ requestTimeout: 1000, enforceRequestTimeout: false, logger: quiet, ...options });
}

/** A request whose sending is noted. */
function request(correlationId: number, sent: number[]) {
  const entry = { correlationId, resolve: () => {}, reject: () => {} };
  return { entry, expectResponse: true, sendRequest: () => sent.push(correlationId) };
}

test("a queue with nothing to send has no timer (kafkajs: one each millisecond, into the past)", () => {
  const idle = queue();
  idle.push(request(1, []));
  idle.fulfillRequest({ correlationId: 1, payload: Buffer.alloc(0), size: 0 });
  idle.checkPendingRequests();
  expect(idle.throttleCheckTimeoutId).toBeNull();
});

test("no timer gets a negative delay, throttled or not", async () => {
  const warnings: Error[] = [];
  const note = (warning: Error) => warnings.push(warning);
  process.on("warning", note);
  const sent: number[] = [];
  const full = queue({ maxInFlightRequests: 1 });
  for (const id of [1, 2, 3]) full.push(request(id, sent));
  expect(delayOf(full)).toBe(10);
  full.destroy();
  const throttled = queue();
  throttled.maybeThrottle(60_000);
  throttled.push(request(4, sent));
  expect(delayOf(throttled)).toBeGreaterThan(30_000);
  throttled.destroy();
  await new Promise((resolve) => setImmediate(resolve));
  process.off("warning", note);
  expect(sent).toEqual([1]);
  expect(warnings).toEqual([]);
});

test("a request that waited is sent when there is room, and when a throttle ends", async () => {
  const sent: number[] = [];
  const full = queue({ maxInFlightRequests: 1 });
  for (const id of [1, 2]) full.push(request(id, sent));
  full.fulfillRequest({ correlationId: 1, payload: Buffer.alloc(0), size: 0 });
  expect(sent).toEqual([1, 2]);
  full.destroy();

  const throttled = queue();
  throttled.maybeThrottle(20);
  await new Promise<void>((resolve) => {
    throttled.push({ ...request(3, sent), sendRequest: () => resolve() });
  });
  throttled.destroy();
});

function delayOf({ throttleCheckTimeoutId }: RequestQueue): number {
  // Node keeps a timer's delay here; there is no public way to it.
  return (throttleCheckTimeoutId as unknown as { readonly _idleTimeout: number })._idleTimeout;
}
