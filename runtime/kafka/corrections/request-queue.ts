import { RequestQueue } from "../internals";

/** How soon the queue is looked at again when it waits for room and not for a broker's throttle to end. */
const CHECK_INTERVAL_MS = 10;

/**
 * Gives the request queue's timers only delays that a timer can have, and wakes nobody for nothing.
 *
 * kafkajs computes the end of a throttle minus now, which is negative when there is none: Node makes 1 ms of it, and
 * since 24 warns about each (kafkajs #1751). And it sets the timer also when nothing waits, so that one answer starts a
 * loop of such timers, for ever: an idle connection had 780 of them a second, and has none now.
 *
 * It looks ten times a second, on each connection, whether a request is overdue. Here it looks when the first could be.
 */
export function correctRequestQueue(): void {
  RequestQueue.prototype.scheduleCheckPendingRequests = function () {
    if (this.throttleCheckTimeoutId || this.pending.length === 0) return;
    const throttled = this.throttledUntil - Date.now();
    this.throttleCheckTimeoutId = setTimeout(
      () => {
        this.throttleCheckTimeoutId = null;
        this.checkPendingRequests();
      },
      throttled > 0 ? throttled : CHECK_INTERVAL_MS,
    );
  };

  RequestQueue.prototype.scheduleRequestTimeoutCheck = function () {
    if (!this.enforceRequestTimeout) return;
    this.destroy();
    const look = (): void => {
      for (const request of [...this.inflight.values()]) if (overdueIn(request) < 0) request.timeoutRequest();
      // A request that is sent from now on is due later than that: none has less than the usual time.
      const next = Math.min(this.requestTimeout, ...[...this.inflight.values()].map(overdueIn));
      if (this.isConnected()) this.requestTimeoutIntervalId = setTimeout(look, Math.max(next, 0) + 1).unref();
      else this.destroy();
    };
    look();
  };
}

function overdueIn({ sentAt, requestTimeout }: { sentAt: number; requestTimeout: number }): number {
  return sentAt + requestTimeout - Date.now();
}
