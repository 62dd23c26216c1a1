-- Bringing dead letters back: the ledger of what was sent again and what became of it (replay_runs, replays), and the
-- dead letters of records that failed once more, which keep the name of the first failure.

CREATE TABLE "replay_runs" (
  "id" SERIAL NOT NULL,
  "operator" TEXT NOT NULL,
  "started_at" TIMESTAMPTZ(3) NOT NULL DEFAULT CURRENT_TIMESTAMP,
  CONSTRAINT "replay_runs_pkey" PRIMARY KEY ("id")
);

CREATE TABLE "replays" (
  "dlq_id" TEXT COLLATE "C" NOT NULL,
  "replay" INTEGER NOT NULL,
  "state" TEXT NOT NULL,
  "run" INTEGER NOT NULL,
  "first_failed_at" TIMESTAMPTZ(3) NOT NULL,
  "order_id" TEXT COLLATE "C",
  "value" BYTEA,
  "digest" BYTEA NOT NULL,
  "epoch" INTEGER NOT NULL,
  "partition" INTEGER NOT NULL,
  "search_from" BIGINT NOT NULL,
  "offset" BIGINT,
  "claimed_at" TIMESTAMPTZ(3) NOT NULL DEFAULT CURRENT_TIMESTAMP,
  "sent_at" TIMESTAMPTZ(3),
  "told_at" TIMESTAMPTZ(3),
  -- One row, and so one claim, for each time that a dead letter is brought back.
  CONSTRAINT "replays_pkey" PRIMARY KEY ("dlq_id", "replay"),
  CONSTRAINT "replays_run_fkey" FOREIGN KEY ("run") REFERENCES "replay_runs" ("id") ON DELETE RESTRICT ON UPDATE RESTRICT,
  CONSTRAINT "replays_state" CHECK ("state" IN ('planned', 'sending', 'sent', 'stored', 'failed', 'duplicate', 'gone')),
  CONSTRAINT "replays_place_known" CHECK (("offset" IS NULL) = ("state" IN ('planned', 'sending')))
);
CREATE UNIQUE INDEX "replays_epoch_partition_offset_key" ON "replays" ("epoch", "partition", "offset");
-- What is still to be done is looked for; what is done is kept, and must not slow that down.
CREATE INDEX "replays_unfinished" ON "replays" ("run") WHERE "state" IN ('sending', 'sent');

ALTER TABLE "outbox"
  ADD COLUMN "dlq_id" TEXT COLLATE "C",
  ADD COLUMN "replays" INTEGER NOT NULL DEFAULT 0,
  ADD COLUMN "first_failed_at" TIMESTAMPTZ(3),
  ADD CONSTRAINT "outbox_replayed" CHECK (
    ("dlq_id" IS NULL) = ("replays" = 0) AND ("dlq_id" IS NULL) = ("first_failed_at" IS NULL)
  );
CREATE INDEX "outbox_dlq_id" ON "outbox" ("dlq_id") WHERE "dlq_id" IS NOT NULL;

COMMENT ON TABLE "replay_runs" IS 'Runs of the tool that brings dead letters back. One that lives holds the advisory lock (1919250540, id).';
COMMENT ON COLUMN "replay_runs"."id" IS 'Number of the run.';
COMMENT ON COLUMN "replay_runs"."operator" IS 'Who ran it: user, host and process.';
COMMENT ON COLUMN "replay_runs"."started_at" IS 'When it began.';

COMMENT ON TABLE "replays" IS 'The ledger of the dead letters that were brought back: a row each time, written before anything is sent.';
COMMENT ON COLUMN "replays"."dlq_id" IS 'x-dlq-id of the dead letter: topic:epoch:partition:offset of its first failure.';
COMMENT ON COLUMN "replays"."replay" IS 'How often it has been brought back, this time included; what its record says in x-dlq-replays.';
COMMENT ON COLUMN "replays"."state" IS 'planned: to be sent; sending: claimed by a run, may be in Kafka; sent: it is; then what became of it: stored, failed (dead-lettered again), duplicate, or gone (Kafka deleted it before it was ingested).';
COMMENT ON COLUMN "replays"."run" IS 'The run that has it in hand, or had it last.';
COMMENT ON COLUMN "replays"."first_failed_at" IS 'x-dlq-first-failed-at of the dead letter, which a further one keeps.';
COMMENT ON COLUMN "replays"."order_id" IS 'order_uid of the record sent; null if it was sent although it is no valid order.';
COMMENT ON COLUMN "replays"."value" IS 'The mended bytes that are sent in place of the dead letter''s; null if they are sent as they are.';
COMMENT ON COLUMN "replays"."digest" IS 'SHA-256 of the key and the value sent, by which the record is recognised.';
COMMENT ON COLUMN "replays"."epoch" IS 'The epoch of the topic that it is sent to.';
COMMENT ON COLUMN "replays"."partition" IS 'The partition that it is sent to.';
COMMENT ON COLUMN "replays"."search_from" IS 'The end of the partition before it was sent: where to look for a record whose sending was interrupted.';
COMMENT ON COLUMN "replays"."offset" IS 'Its offset in the partition, once it is known to be there.';
COMMENT ON COLUMN "replays"."claimed_at" IS 'When a run took it in hand.';
COMMENT ON COLUMN "replays"."sent_at" IS 'When Kafka was known to have it.';
COMMENT ON COLUMN "replays"."told_at" IS 'When it was known what had become of it.';

COMMENT ON COLUMN "outbox"."dlq_id" IS 'x-dlq-id of the dead letter that this record was a replay of; null for a first failure, which is named by its own place.';
COMMENT ON COLUMN "outbox"."replays" IS 'How often it had been brought back when it failed.';
COMMENT ON COLUMN "outbox"."first_failed_at" IS 'When it failed for the first time; null for a first failure.';

-- The ingestor asks whether a dead record is one that was brought back; the ledger is written by the owner alone.
DO $$
BEGIN
  IF EXISTS (SELECT FROM pg_roles WHERE rolname = 'orders_ingestor') THEN
    GRANT SELECT ON "replays" TO orders_ingestor;
  END IF;
END
$$;
