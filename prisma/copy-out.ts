import type pg from "pg";
import { type CopyRow, CopyTupleParser } from "./copy-tuples";
import { LendingSocket } from "./lending-socket";

/**
 * A question `COPY … TO STDOUT (FORMAT binary)` to a client of `pg`, which knows how to ask it and not how to give the
 * rows on quickly: as messages they cost more than to find and keep what is in them. So the rows are taken from the
 * connection's socket itself.
 *
 * - `asked`: `pg` has nothing to read. The socket's bytes are read here, and rows given on; → `told` by the server's
 *   first word that belongs to no row (the end of the rows, or an error)
 * - `told`: from that word on the bytes go to `pg` again, which ends the question as any other: → `ended`
 * - `ended`: the promise is settled. A connection that is lost comes here from everywhere.
 *
 * Of `pg` it is known that it reads the socket by one listener of `data`, and which methods of a question it calls.
 */
export interface CopyOutOptions {
  /** Called for every row, as it comes. What it throws ends the question and the connection. */
  readonly onRow: (row: CopyRow) => void;
  /** Bytes that the connection may bring before others have their turn. */
  readonly stretchBytes: number;
  /** A server that sends nothing for so long is frozen or gone: a socket that is half open raises no event. */
  readonly silenceMs: number;
}

const COPY_DATA = 0x64;
const COPY_OUT_RESPONSE = 0x48;
/** ParameterStatus, NoticeResponse, NotificationResponse: may come at any time, and mean nothing to rows. */
const ASIDES: ReadonlySet<number> = new Set([0x53, 0x4e, 0x41]);
/** A message: its type, and its length without that. */
const MESSAGE_HEAD_BYTES = 5;

/** @throws the server's error, or that of a connection which is lost or silent: it is to be closed then */
export function copyOut(client: pg.Client, sql: string, options: CopyOutOptions): Promise<void> {
  return new Promise((resolve, reject) => {
    client.query(new CopyOut(sql, options, (error) => (error ? reject(error) : resolve())));
  });
}

class CopyOut implements pg.Submittable {
  readonly #sql: string;
  readonly #options: CopyOutOptions;
  readonly #settle: (error?: Error) => void;
  readonly #parser = new CopyTupleParser();
  /** Set while the socket's bytes are read here. */
  #socket: pg.Connection["stream"] | undefined;
  #giveBack: (rest: Buffer) => void = () => {};
  #silence: NodeJS.Timeout | undefined;
  /** The beginning of a message's head, when a piece ends within it. */
  #cutHead: Buffer | undefined;
  /** Of the message that is being read: its type, and the bytes that are still to come. */
  #type = 0;
  #missing = 0;
  #sincePause = 0;

  constructor(sql: string, options: CopyOutOptions, settle: (error?: Error) => void) {
    this.#sql = sql;
    this.#options = options;
    this.#settle = settle;
  }

  /** An error is returned, as `pg` has it: thrown it would leave the client waiting for an answer for ever. */
  submit(connection: pg.Connection): Error | undefined {
    const socket = connection.stream;
    const [listener] = socket.listeners("data") as ((chunk: Buffer) => void)[];
    if (!listener) return new Error("nobody reads the connection");
    const setLending = (isLending: boolean): void => {
      // An encrypted connection is read by another socket, whose pieces are ours to keep.
      if (socket instanceof LendingSocket) socket.isLending = isLending;
    };
    socket.off("data", listener).on("data", this.#read);
    setLending(true);
    this.#socket = socket;
    this.#giveBack = (rest) => {
      this.#socket = undefined;
      setLending(false);
      socket.off("data", this.#read).on("data", listener);
      if (rest.length > 0) listener(Buffer.from(rest));
    };
    this.#silence = setTimeout(() => {
      socket.destroy(new Error(`the server has sent nothing for ${this.#options.silenceMs} ms`));
    }, this.#options.silenceMs);
    connection.query(this.#sql);
    return undefined;
  }

  handleError(error: Error): void {
    clearTimeout(this.#silence);
    if (this.#socket) this.#giveBack(Buffer.alloc(0));
    this.#settle(error);
  }

  handleCommandComplete(): void {}

  handleReadyForQuery(): void {
    clearTimeout(this.#silence);
    try {
      this.#parser.end();
      this.#settle();
    } catch (error) {
      this.#settle(error as Error);
    }
  }

  readonly #read = (chunk: Buffer): void => {
    this.#silence?.refresh();
    try {
      this.#readMessages(this.#cutHead ? Buffer.concat([this.#cutHead, chunk]) : chunk);
    } catch (error) {
      this.#socket?.destroy(error as Error);
      return;
    }
    this.#sincePause += chunk.length;
    const socket = this.#socket;
    if (!socket || this.#sincePause < this.#options.stretchBytes) return;
    this.#sincePause = 0;
    socket.pause();
    setImmediate(() => socket.resume());
  };

  #readMessages(bytes: Buffer): void {
    this.#cutHead = undefined;
    let position = 0;
    while (position < bytes.length) {
      if (this.#missing === 0) {
        const type = bytes[position] ?? 0;
        const isOurs = type === COPY_DATA || type === COPY_OUT_RESPONSE || ASIDES.has(type);
        if (!isOurs) {
          this.#giveBack(bytes.subarray(position));
          return;
        }
        if (bytes.length - position < MESSAGE_HEAD_BYTES) {
          this.#cutHead = Buffer.from(bytes.subarray(position));
          return;
        }
        this.#type = type;
        this.#missing = bytes.readUInt32BE(position + 1) - 4;
        position += MESSAGE_HEAD_BYTES;
      }
      const end = Math.min(bytes.length, position + this.#missing);
      if (this.#type === COPY_DATA && end > position) this.#parser.push(bytes, position, end, this.#options.onRow);
      this.#missing -= end - position;
      position = end;
    }
  }
}
