import { type OnReadOpts, Socket, type SocketConstructorOpts } from "node:net";

/**
 * What one read brings at most: two hundred of the usual orders, after which others have their turn anyway
 * (read-orders.ts).
 */
const READ_BYTES = 256 * 1_024;

/**
 * A socket that reads into the same memory again and again. A million orders would leave some twenty thousand pieces of
 * memory behind otherwise, for which V8 collects garbage again and again: a quarter of the processor time of reading them.
 *
 * Whoever listens for `data` is given copies, to keep; or what was read itself, while `isLending` is set: then the bytes
 * are good until the listener returns.
 */
export class LendingSocket extends Socket {
  isLending = false;

  constructor() {
    // The types know `onread` as an option of connecting alone.
    const options: SocketConstructorOpts & { readonly onread: OnReadOpts } = {
      onread: {
        buffer: Buffer.allocUnsafeSlow(READ_BYTES),
        callback: (length, bytes) => {
          const read = (bytes as Buffer).subarray(0, length);
          this.emit("data", this.isLending ? read : Buffer.from(read));
          return true;
        },
      },
    };
    super(options);
  }
}
