import { Transform } from "node:stream";
import { type HalfOpenProxy, startHalfOpenProxy } from "./half-open-proxy";

/** What a PostgreSQL says that is ready for the first query; "I" is for idle. */
const READY_FOR_QUERY = Buffer.from("Z\0\0\0\x05I", "latin1");

/** ErrorResponse: severity, SQLSTATE and message, each with its letter before it and a zero behind it. */
const TERMINATED = ((fields: Buffer) => {
  const head = Buffer.from("E\0\0\0\0", "latin1");
  head.writeInt32BE(4 + fields.length, 1);
  return Buffer.concat([head, fields]);
})(Buffer.from("SFATAL\0VFATAL\0C57P01\0Mterminating connection due to administrator command\0\0", "latin1"));

/**
 * A way to a PostgreSQL that, while it is told to, ends each new connection in the packet that says it is ready: as when
 * the server is stopped or killed, or an administrator ends its sessions, in that moment.
 */
export async function startEndingAtOnce(serverUrl: string) {
  let endsAtOnce: (connection: number) => boolean = () => true;
  let made = 0;
  let ended = 0;
  const proxy: HalfOpenProxy = await startHalfOpenProxy(serverUrl, () => {
    let isNew = true;
    const toClient = new Transform({
      transform(bytes: Buffer, _encoding, done) {
        const isReady = isNew && bytes.subarray(-READY_FOR_QUERY.length).equals(READY_FOR_QUERY);
        if (!isReady) return done(null, bytes);
        isNew = false;
        made++;
        if (!endsAtOnce(made)) return done(null, bytes);
        ended++;
        done(null, Buffer.concat([bytes, TERMINATED]));
      },
    });
    return { toClient };
  });
  return {
    ...proxy,
    /** Which of the connections that are made from now on are ended at once, counted from 1; from its start all are. */
    setEnding: (which: (connection: number) => boolean): void => {
      endsAtOnce = which;
      made = 0;
    },
    /** How many were. */
    ended: (): number => ended,
  };
}
