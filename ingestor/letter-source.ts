import { copyOut } from "../prisma/copy-out";
import type { CopyRow } from "../prisma/copy-tuples";
import type { OutboxRow } from "../prisma/generated/client";
import { createLastingConnection } from "../prisma/lasting-connection";

/** What a dead letter is made of. */
export type Letter = Pick<
  OutboxRow,
  | "id"
  | "epoch"
  | "partition"
  | "offset"
  | "lastOffset"
  | "topic"
  | "reason"
  | "errors"
  | "timestamp"
  | "failedAt"
  | "dlqId"
  | "replays"
  | "firstFailedAt"
> & {
  readonly key: Uint8Array | null;
  readonly value: Uint8Array | null;
  /** In Kafka's wire form. */
  readonly headers: Uint8Array;
};

/**
 * Where letters are read from: a connection of its own, for `COPY … (FORMAT binary)`, which costs this process a tenth
 * of what Prisma's rows do. Each time it is asked something before: no letter is to find out, by failing, that PostgreSQL
 * was away meanwhile.
 */
export interface LetterSource {
  /** @throws the server's error, or that of a connection which cannot be had, is lost or silent */
  read(sql: string): Promise<Letter[]>;
  close(): Promise<void>;
}

/** Longer than any statement takes that works; a frozen server or a half-open socket sends nothing. */
const SILENCE_TIMEOUT_MS = 20_000;
/** That it has become half open costs no more than this. */
const ANSWER_TIMEOUT_MS = 2_000;
/** The socket's bytes that may be read before others have their turn. */
const STRETCH_BYTES = 256 * 1_024;

export function createLetterSource(databaseUrl: string): LetterSource {
  const name = "orders-ingestor-letters";
  const connection = createLastingConnection(databaseUrl, { name, answerWithinMs: ANSWER_TIMEOUT_MS });
  return {
    read: async (sql) => {
      await connection.check();
      const letters: Letter[] = [];
      const onRow = (row: CopyRow): void => void letters.push(letterOf(row));
      const statement = `COPY (${sql}) TO STDOUT (FORMAT binary)`;
      await connection.use(({ client }) =>
        copyOut(client, statement, { onRow, stretchBytes: STRETCH_BYTES, silenceMs: SILENCE_TIMEOUT_MS }),
      );
      return letters;
    },
    close: connection.close,
  };
}

/** The columns that `letterOf` reads, in its order. */
export const LETTER_COLUMNS = `outbox.id, epoch, partition, "offset", last_offset, topic, reason, errors, key, value, headers,
  "timestamp", (extract(epoch FROM failed_at) * 1000)::bigint, dlq_id, replays,
  (extract(epoch FROM first_failed_at) * 1000)::bigint`;

function letterOf({ bytes: passing, starts, lengths }: CopyRow): Letter {
  const begin = starts[0] ?? 0;
  const end = (starts.at(-1) ?? 0) + Math.max(0, lengths.at(-1) ?? 0);
  // The row is in a buffer that passes; one copy of all of it is what the letter keeps.
  const bytes = Buffer.from(passing.subarray(begin, end));
  let field = 0;
  const next = (): Buffer | null => {
    const [start = 0, length = -1] = [starts[field], lengths[field]];
    field++;
    return length < 0 ? null : bytes.subarray(start - begin, start - begin + length);
  };
  const given = (): Buffer => next() ?? Buffer.alloc(0);
  const bigint = (): bigint => given().readBigInt64BE();
  const int = (): number => given().readInt32BE();
  const text = (): string => given().toString("utf8");
  const time = (bytes: Buffer | null): Date | null => bytes && new Date(Number(bytes.readBigInt64BE()));
  return {
    id: bigint(),
    epoch: int(),
    partition: int(),
    offset: bigint(),
    lastOffset: bigint(),
    topic: text(),
    reason: text(),
    errors: text(),
    key: next(),
    value: next(),
    headers: given(),
    timestamp: bigint(),
    failedAt: time(given()) ?? new Date(0),
    dlqId: next()?.toString("utf8") ?? null,
    replays: int(),
    firstFailedAt: time(next()),
  };
}
