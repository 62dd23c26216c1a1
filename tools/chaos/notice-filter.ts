import { Transform, type TransformCallback } from "node:stream";

/** What passes from PostgreSQL to a client, without its notices while `isSwallowing` says so. */
export interface NoticeFilterOptions {
  readonly isSwallowing: () => boolean;
  readonly onSwallowed: () => void;
}

/** A message is its type, one byte, and its length, four bytes that count themselves. */
const HEADER_BYTES = 5;
/** NotificationResponse. */
const NOTICE = "A".charCodeAt(0);

/**
 * Loses notices as a broken server or pooler would: the connection is in order, LISTEN was answered, and nothing comes.
 * For connections without TLS, where everything that the server says is messages.
 */
export function createNoticeFilter({ isSwallowing, onSwallowed }: NoticeFilterOptions): Transform {
  let header = Buffer.alloc(0);
  let left = 0;
  let isLost = false;

  const take = (filter: Transform, chunk: Buffer): Buffer => {
    if (left > 0) {
      const part = chunk.subarray(0, left);
      left -= part.length;
      if (!isLost) filter.push(part);
      return chunk.subarray(part.length);
    }
    const missing = HEADER_BYTES - header.length;
    header = Buffer.concat([header, chunk.subarray(0, missing)]);
    if (header.length < HEADER_BYTES) return Buffer.alloc(0);
    isLost = header[0] === NOTICE && isSwallowing();
    left = header.readUInt32BE(1) - (HEADER_BYTES - 1);
    if (isLost) onSwallowed();
    else filter.push(header);
    header = Buffer.alloc(0);
    return chunk.subarray(missing);
  };

  return new Transform({
    transform(this: Transform, chunk: Buffer, _encoding, done: TransformCallback) {
      let rest = chunk;
      while (rest.length > 0) rest = take(this, rest);
      done();
    },
  });
}
