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
  expect(delayOf(full.throttleCheckTimeoutId)).toBe(10);
  full.destroy();
  const throttled = queue();
  throttled.maybeThrottle(60_000);
  throttled.push(request(4, sent));
  expect(delayOf(throttled.throttleCheckTimeoutId)).toBeGreaterThan(30_000);
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

test("whether a request is overdue is looked at when the first can be (kafkajs: ten times a second)", () => {
  const enforcing = queue({ requestTimeout: 15_000, enforceRequestTimeout: true });
  enforcing.scheduleRequestTimeoutCheck();
  expect(delayOf(enforcing.requestTimeoutIntervalId)).toBe(15_001);
  enforcing.destroy();
});

test("a request that is overdue among others is given up, and the others are not", async () => {
  const enforcing = queue({ requestTimeout: 50, enforceRequestTimeout: true });
  const given = (correlationId: number, requestTimeout: number) =>
    new Promise<string>((resolve) => {
      const entry = { correlationId, resolve: () => resolve("answered"), reject: ({ name }: Error) => resolve(name) };
      enforcing.push({ entry, requestTimeout, expectResponse: true, sendRequest: () => {} });
    });
  const patient = given(1, 60_000);
  enforcing.scheduleRequestTimeoutCheck();
  expect(await given(2, 50)).toBe("KafkaJSRequestTimeoutError");
  enforcing.fulfillRequest({ correlationId: 1, payload: Buffer.alloc(0), size: 0 });
  expect(await patient).toBe("answered");
  enforcing.destroy();
});

function delayOf(timer: NodeJS.Timeout | null | undefined): number {
  // Node keeps a timer's delay here; there is no public way to it.
  return (timer as unknown as { readonly _idleTimeout: number })._idleTimeout;
}
