import { batchesOf, type PublishRecord } from "./batches";

/** Sends a batch; resolves when all replicas have it. */
export type SendBatch = (batch: readonly PublishRecord[]) => Promise<unknown>;

/** How the publishing went. Records are sent in order, so the unsent ones of an early end are the last ones. */
export interface Outcome {
  /** Acknowledged by all replicas. */
  sent: number;
  /** Records that Kafka refused for what they are. */
  readonly refused: { readonly record: PublishRecord; readonly error: Error }[];
  /** Why it ended before its end, if it did, and the batch that was not acknowledged then. */
  ended:
    | { readonly because: "outage"; readonly error: Error; readonly batch: readonly PublishRecord[] }
    | { readonly because: "stopped" }
    | undefined;
}

export interface SendOptions {
  readonly send: SendBatch;
  /** Records a second; `undefined` for no limit. */
  readonly rate: number | undefined;
  /** Ends the publishing after what is in flight. */
  readonly signal: AbortSignal;
  readonly onSent: (batch: readonly PublishRecord[]) => void;
}

/**
 * Publishes the records in their order: one batch is in flight while the next is made, so the second of two records with
 * one id never overtakes the first. A record that Kafka refuses costs its neighbours nothing; anything else that
 * `send` does not outlast ends the publishing.
 */
export async function sendRecords(records: Iterable<PublishRecord>, options: SendOptions): Promise<Outcome> {
  const outcome: Outcome = { sent: 0, refused: [], ended: undefined };
  let inFlight: Promise<void> = Promise.resolve();
  for await (const batch of batchesOf(records, options)) {
    await inFlight;
    if (outcome.ended !== undefined || options.signal.aborted) break;
    inFlight = deliver(batch, options, outcome);
  }
  await inFlight;
  if (options.signal.aborted) outcome.ended ??= { because: "stopped" };
  return outcome;
}

/** Sends one batch, and its records one by one if Kafka refuses one of them. Never rejects: what happens is in the outcome. */
async function deliver(batch: readonly PublishRecord[], options: SendOptions, outcome: Outcome): Promise<void> {
  try {
    await options.send(batch);
    outcome.sent += batch.length;
    options.onSent(batch);
  } catch (thrown) {
    const error = thrown as Error;
    const [first] = batch;
    if (!isRefusal(error)) {
      outcome.ended = { because: "outage", error, batch };
    } else if (batch.length === 1 && first !== undefined) {
      outcome.refused.push({ record: first, error });
    } else {
      for (const [at, record] of batch.entries()) {
        await deliver([record], options, outcome);
        if (outcome.ended?.because === "outage") {
          outcome.ended = { ...outcome.ended, batch: batch.slice(at) };
          return;
        }
      }
    }
  }
}

/** Errors of Kafka's protocol that are about the records themselves: trying again would give the same answer. */
const REFUSALS = new Set([
  "CORRUPT_MESSAGE",
  "MESSAGE_TOO_LARGE",
  "RECORD_LIST_TOO_LARGE",
  "INVALID_TIMESTAMP",
  "INVALID_RECORD",
  "UNSUPPORTED_COMPRESSION_TYPE",
]);

function isRefusal(error: Error): boolean {
  const causes = [error, error.cause] as readonly ({ readonly type?: string } | undefined)[];
  return causes.some((cause) => REFUSALS.has(cause?.type ?? ""));
}
