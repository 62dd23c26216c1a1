import { RequestQueue } from "../internals";

/** How soon the queue is looked at again when it waits for room and not for a broker's throttle to end. */
const CHECK_INTERVAL_MS = 10;

/**
 * Gives the request queue's timer only delays that a timer can have. kafkajs computes the end of a throttle minus now,
 * which is negative when there is none: Node makes 1 ms of it, and since 24 warns about each (kafkajs #1751). And it sets
 * the timer also when nothing waits, so that one answer starts a loop of such timers, for ever: an idle connection had
 * 780 of them a second, and has none now.
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
}
