-- A dead letter was written three times over, each time with all its bytes and its entries in two or three indexes: when
-- it was made, leased and marked as delivered. Now its row is written once and never changes; what its delivery writes is
-- in narrow rows of the same number. Rows that wait, are leased, refused or delivered at this moment stay what they are.

-- An ingestor of the version before goes on filling the outbox, by the trigger below, and delivers nothing from here on.
LOCK TABLE "outbox" IN ACCESS EXCLUSIVE MODE;
DROP INDEX "outbox_undelivered";

CREATE TABLE "outbox_undelivered" (
  "id" BIGINT NOT NULL,
  "bytes" INTEGER NOT NULL DEFAULT 0,
  "attempts" INTEGER NOT NULL DEFAULT 0,
  "leased_until" TIMESTAMPTZ(3),
  "refusal" TEXT
  -- Room for a lease beside the row that is leased: then no index has to be told.
) WITH (fillfactor = 50);
CREATE TABLE "outbox_delivered" (
  "id" BIGINT NOT NULL,
  "attempts" INTEGER NOT NULL,
  "delivered_at" TIMESTAMPTZ(3) NOT NULL DEFAULT CURRENT_TIMESTAMP
);
INSERT INTO "outbox_undelivered" ("id", "bytes", "attempts", "leased_until", "refusal")
  SELECT "id", coalesce(octet_length("key"), 0) + coalesce(octet_length("value"), 0) + octet_length("headers"),
    "attempts", "leased_until", "refusal"
  FROM "outbox" WHERE "delivered_at" IS NULL ORDER BY "id";
INSERT INTO "outbox_delivered" ("id", "attempts", "delivered_at")
  SELECT "id", "attempts", "delivered_at" FROM "outbox" WHERE "delivered_at" IS NOT NULL ORDER BY "id";
ALTER TABLE "outbox_undelivered" ADD CONSTRAINT "outbox_undelivered_pkey" PRIMARY KEY ("id");
ALTER TABLE "outbox_delivered" ADD CONSTRAINT "outbox_delivered_pkey" PRIMARY KEY ("id");
ALTER TABLE "outbox"
  DROP COLUMN "attempts",
  DROP COLUMN "leased_until",
  DROP COLUMN "refusal",
  DROP COLUMN "delivered_at",
  -- PostgreSQL's compression of what is larger than 2 KB took more time than all else about a letter of 20 KB.
  ALTER COLUMN "value" SET STORAGE EXTERNAL;

-- Whoever puts a row into the outbox wants it delivered, also by hand (deploy/RUNBOOK.md). In place of a foreign key,
-- which would lock the wide row for each narrow one.
CREATE FUNCTION "deliver_new_letters"() RETURNS TRIGGER LANGUAGE plpgsql AS $$
BEGIN
  INSERT INTO "public"."outbox_undelivered" ("id", "bytes")
    SELECT "id", coalesce(octet_length("key"), 0) + coalesce(octet_length("value"), 0) + octet_length("headers") FROM "made";
  RETURN NULL;
END
$$;
CREATE TRIGGER "outbox_to_be_delivered" AFTER INSERT ON "outbox"
  REFERENCING NEW TABLE AS "made" FOR EACH STATEMENT EXECUTE FUNCTION "deliver_new_letters"();

COMMENT ON FUNCTION "deliver_new_letters"() IS 'Gives every new row of the outbox the row by which it is delivered.';
COMMENT ON TABLE "outbox" IS 'Records that did not become orders: delivered to the dead-letter topic, and kept as the proof behind positions.dead. A row never changes.';
COMMENT ON TABLE "outbox_undelivered" IS 'Rows of the outbox that are not in the dead-letter topic yet: what the delivery works on.';
COMMENT ON COLUMN "outbox_undelivered"."id" IS 'Number of the row in the outbox.';
COMMENT ON COLUMN "outbox_undelivered"."bytes" IS 'Of its key, value and headers: how many are read at once depends on it.';
COMMENT ON COLUMN "outbox_undelivered"."attempts" IS 'Deliveries begun.';
COMMENT ON COLUMN "outbox_undelivered"."leased_until" IS 'Until when a worker has this delivery to itself.';
COMMENT ON COLUMN "outbox_undelivered"."refusal" IS 'Why Kafka will not take the dead letter, if it has said so.';
COMMENT ON TABLE "outbox_delivered" IS 'Rows of the outbox that are in the dead-letter topic.';
COMMENT ON COLUMN "outbox_delivered"."id" IS 'Number of the row in the outbox.';
COMMENT ON COLUMN "outbox_delivered"."attempts" IS 'Deliveries begun, the one that succeeded included.';
COMMENT ON COLUMN "outbox_delivered"."delivered_at" IS 'When Kafka acknowledged the dead letter.';

DO $$
BEGIN
  IF EXISTS (SELECT FROM pg_roles WHERE rolname = 'orders_ingestor') THEN
    REVOKE UPDATE ON "outbox" FROM orders_ingestor;
    GRANT SELECT, INSERT, UPDATE, DELETE ON "outbox_undelivered" TO orders_ingestor;
    GRANT SELECT, INSERT ON "outbox_delivered" TO orders_ingestor;
  END IF;
END
$$;
