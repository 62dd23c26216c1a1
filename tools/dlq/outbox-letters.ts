/**
 * The outbox with its delivery and what became of each of its records since, as `FROM … AS letters`: all columns, `letter`
 * (x-dlq-id) and `outcome`. A letter that failed again is there once for each time; all but its last say `failed-again`.
 */
export const OUTBOX_LETTERS = `(
  SELECT o.*, named.letter, undelivered.refusal, delivered.delivered_at,
    coalesce(delivered.attempts, undelivered.attempts, 0) AS attempts, CASE
      WHEN later.dlq_id IS NOT NULL OR r.state = 'failed' THEN 'failed-again'
      WHEN r.state IN ('stored', 'duplicate') THEN r.state
      WHEN r.state IN ('sending', 'sent') THEN 'sent'
      ELSE 'open' END AS outcome
  FROM outbox o
  LEFT JOIN outbox_undelivered undelivered ON undelivered.id = o.id
  LEFT JOIN outbox_delivered delivered ON delivered.id = o.id
  CROSS JOIN LATERAL (
    SELECT coalesce(o.dlq_id, concat_ws(':', o.topic, o.epoch, o.partition, o."offset")) COLLATE "C" AS letter
  ) AS named
  LEFT JOIN replays r ON r.dlq_id = named.letter AND r.replay = o.replays + 1
  LEFT JOIN (SELECT DISTINCT dlq_id, replays FROM outbox WHERE dlq_id IS NOT NULL) AS later
    ON later.dlq_id = named.letter AND later.replays = o.replays + 1
) AS letters`;

/**
 * What became of a dead letter: `open` if it was not brought back, or Kafka has lost it; `sent` if the ledger has not
 * been told yet (the next `replay-dlq --go` asks); `stored`, or `duplicate` of an order that was there; `failed-again`.
 */
export type Outcome = "open" | "sent" | "stored" | "duplicate" | "failed-again";
