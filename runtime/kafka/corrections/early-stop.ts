import { setTimeout as delay } from "node:timers/promises";
import { Runner } from "../internals";

/** Half of what a process may take for its end. A broker that answers lets a member in within a moment. */
const PATIENCE_MS = 2_000;

/**
 * Lets a consumer be stopped while it joins its group. kafkajs ignores that: the consumer is let in, stays a member and
 * goes on to fetch. One that ends with its process is then missed for a whole session, in which whoever comes next gets
 * no partition. Here the stop waits until the group has been joined, and leaves it. While no broker answers there is
 * nothing to leave: then it waits for two seconds and is over.
 */
export function correctEarlyStop(): void {
  const { start, stop } = Runner.prototype;
  Runner.prototype.start = async function () {
    const { onCrash } = this;
    let settle = (): void => {};
    joining.set(this, new Promise((resolve) => (settle = resolve)));
    // A start that fails stops the consumer by itself: that must not wait for its own end.
    this.onCrash = (error) => {
      settle();
      return onCrash(error);
    };
    try {
      await start.call(this);
    } finally {
      settle();
      joining.delete(this);
    }
  };
  Runner.prototype.stop = function () {
    const joined = joining.get(this);
    if (joined === undefined) return stop.call(this);
    return Promise.race([joined, delay(PATIENCE_MS, undefined, { ref: false })]).then(() => stop.call(this));
  };
}

/** The consumers that are joining their group. Each promise ends with the joining, however that ends. */
const joining = new WeakMap<Runner, Promise<void>>();
