-- What the ingestor and the reader meet in: what became of every record (epochs, positions), the orders, the records
-- that are not orders (outbox), and views for whoever asks in SQL.

-- Roles belong to the whole cluster, so they may be there already; the grants below belong to this database. They are
-- made without a login: `npm run migrate` gives them the passwords that it finds in the environment. An owner who may
-- not make roles goes on without them and runs both processes as itself.
DO $$
DECLARE
  role_name text;
BEGIN
  FOREACH role_name IN ARRAY ARRAY['orders_ingestor', 'orders_reader'] LOOP
    BEGIN
      EXECUTE format('CREATE ROLE %I NOLOGIN', role_name);
    EXCEPTION
      WHEN duplicate_object OR unique_violation THEN NULL;
      WHEN insufficient_privilege THEN
        RAISE NOTICE 'role % cannot be made by %; both processes have to connect as the owner', role_name, current_user;
    END;
  END LOOP;
END
$$;

CREATE TABLE "epochs" (
  "id" SERIAL NOT NULL,
  "topic" TEXT NOT NULL,
  "started_at" TIMESTAMPTZ(3) NOT NULL DEFAULT CURRENT_TIMESTAMP,
  CONSTRAINT "epochs_pkey" PRIMARY KEY ("id")
);
CREATE INDEX "epochs_topic_id_idx" ON "epochs" ("topic", "id");

CREATE TABLE "positions" (
  "epoch" INTEGER NOT NULL,
  "partition" INTEGER NOT NULL,
  "next_offset" BIGINT NOT NULL,
  "received" BIGINT NOT NULL DEFAULT 0,
  "stored" BIGINT NOT NULL DEFAULT 0,
  "duplicate" BIGINT NOT NULL DEFAULT 0,
  "dead" BIGINT NOT NULL DEFAULT 0,
  "gap" BIGINT NOT NULL DEFAULT 0,
  "last_offset" BIGINT,
  "last_digest" BYTEA,
  "unfinished_starts" INTEGER NOT NULL DEFAULT 0,
  "updated_at" TIMESTAMPTZ(3) NOT NULL DEFAULT CURRENT_TIMESTAMP,
  CONSTRAINT "positions_pkey" PRIMARY KEY ("epoch", "partition"),
  CONSTRAINT "positions_epoch_fkey" FOREIGN KEY ("epoch") REFERENCES "epochs" ("id") ON DELETE RESTRICT ON UPDATE RESTRICT,
  -- The sum that the whole project promises, kept by the database itself.
  CONSTRAINT "positions_every_record_ends_once" CHECK ("received" = "stored" + "duplicate" + "dead"),
  CONSTRAINT "positions_offset_not_negative" CHECK ("next_offset" >= 0)
);

CREATE TABLE "orders" (
  "id" TEXT COLLATE "C" NOT NULL,
  "document" TEXT NOT NULL,
  "sha256" BYTEA NOT NULL,
  "epoch" INTEGER NOT NULL,
  "partition" INTEGER NOT NULL,
  "offset" BIGINT NOT NULL,
  CONSTRAINT "orders_pkey" PRIMARY KEY ("id")
);
CREATE UNIQUE INDEX "orders_epoch_partition_offset_key" ON "orders" ("epoch", "partition", "offset");

CREATE TABLE "outbox" (
  "id" BIGSERIAL NOT NULL,
  "epoch" INTEGER NOT NULL,
  "partition" INTEGER NOT NULL,
  "offset" BIGINT NOT NULL,
  "last_offset" BIGINT NOT NULL,
  "record_count" INTEGER NOT NULL DEFAULT 1,
  "topic" TEXT NOT NULL,
  "reason" TEXT NOT NULL,
  "errors" TEXT NOT NULL,
  "key" BYTEA,
  "value" BYTEA,
  "headers" BYTEA NOT NULL,
  "timestamp" BIGINT NOT NULL,
  "failed_at" TIMESTAMPTZ(3) NOT NULL DEFAULT CURRENT_TIMESTAMP,
  "attempts" INTEGER NOT NULL DEFAULT 0,
  "leased_until" TIMESTAMPTZ(3),
  "refusal" TEXT,
  "delivered_at" TIMESTAMPTZ(3),
  CONSTRAINT "outbox_pkey" PRIMARY KEY ("id"),
  CONSTRAINT "outbox_reason" CHECK ("reason" IN ('deserialize', 'schema', 'unstorable', 'conflict', 'oversize', 'crash'))
);
CREATE UNIQUE INDEX "outbox_epoch_partition_offset_key" ON "outbox" ("epoch", "partition", "offset");
-- The sweep looks only at what is still to be delivered; delivered rows are kept and must not slow it down.
CREATE INDEX "outbox_undelivered" ON "outbox" ("id") WHERE "delivered_at" IS NULL;

-- PostgreSQL's own cast refuses offsets beyond 15:59, which RFC 3339 allows up to 23:59; so the local time and the
-- offset are taken apart. The judge has seen to it that the text is RFC 3339.
CREATE FUNCTION "rfc3339"("value" TEXT) RETURNS TIMESTAMPTZ
LANGUAGE SQL IMMUTABLE STRICT PARALLEL SAFE
RETURN (
  make_timestamp(
    substr("value", 1, 4)::int, substr("value", 6, 2)::int, substr("value", 9, 2)::int,
    substr("value", 12, 2)::int, substr("value", 15, 2)::int, 0
  )
  -- Added, because make_timestamp takes no leap second with a fraction.
  + substring("value" from '^.{17}([0-9]{2}(?:\.[0-9]{1,6})?)')::double precision * interval '1 second'
  - CASE
      WHEN right("value", 1) IN ('Z', 'z') THEN interval '0'
      WHEN substr(right("value", 6), 1, 1) = '-' THEN -(right("value", 5)::interval)
      ELSE right("value", 5)::interval
    END
) AT TIME ZONE 'UTC';

-- Two documents mean the same if they are equal as jsonb: other white space, order of keys, spelling of numbers and
-- escapes. A number that jsonb cannot hold (1e-20000) is legal JSON; then only the white space around them is forgiven.
CREATE FUNCTION "same_meaning"("one" TEXT, "other" TEXT) RETURNS BOOLEAN
LANGUAGE plpgsql IMMUTABLE STRICT PARALLEL SAFE AS $$
BEGIN
  RETURN "one"::jsonb = "other"::jsonb;
EXCEPTION
  WHEN data_exception THEN
    RETURN btrim("one", E' \t\r\n') = btrim("other", E' \t\r\n');
END
$$;

-- `json`, not `jsonb`: a document is read as it was published, and numbers that jsonb cannot hold do not matter here.
-- Whole numbers go by way of numeric because 1817.0 and 1e2 are whole numbers in JSON.
CREATE VIEW "order_details" AS
SELECT
  o."id" AS "order_id",
  o."document"::json ->> 'track_number' AS "track_number",
  o."document"::json ->> 'entry' AS "entry",
  o."document"::json ->> 'locale' AS "locale",
  o."document"::json ->> 'internal_signature' AS "internal_signature",
  o."document"::json ->> 'customer_id' AS "customer_id",
  o."document"::json ->> 'delivery_service' AS "delivery_service",
  o."document"::json ->> 'shardkey' AS "shardkey",
  (o."document"::json ->> 'sm_id')::numeric::bigint AS "sm_id",
  "rfc3339"(o."document"::json ->> 'date_created') AS "date_created",
  o."document"::json ->> 'oof_shard' AS "oof_shard"
FROM "orders" o;

CREATE VIEW "deliveries" AS
SELECT
  o."id" AS "order_id",
  d ->> 'name' AS "name",
  d ->> 'phone' AS "phone",
  d ->> 'zip' AS "zip",
  d ->> 'city' AS "city",
  d ->> 'address' AS "address",
  d ->> 'region' AS "region",
  d ->> 'email' AS "email"
FROM "orders" o CROSS JOIN LATERAL (SELECT o."document"::json -> 'delivery' AS d) AS delivery;

CREATE VIEW "payments" AS
SELECT
  o."id" AS "order_id",
  p ->> 'transaction' AS "transaction",
  p ->> 'request_id' AS "request_id",
  p ->> 'currency' AS "currency",
  p ->> 'provider' AS "provider",
  (p ->> 'amount')::numeric::bigint AS "amount",
  to_timestamp((p ->> 'payment_dt')::numeric::double precision) AS "payment_dt",
  p ->> 'bank' AS "bank",
  (p ->> 'delivery_cost')::numeric::bigint AS "delivery_cost",
  (p ->> 'goods_total')::numeric::bigint AS "goods_total",
  (p ->> 'custom_fee')::numeric::bigint AS "custom_fee"
FROM "orders" o CROSS JOIN LATERAL (SELECT o."document"::json -> 'payment' AS p) AS payment;

CREATE VIEW "items" AS
SELECT
  o."id" AS "order_id",
  i."position"::int AS "position",
  (i.item ->> 'chrt_id')::numeric::bigint AS "chrt_id",
  i.item ->> 'track_number' AS "track_number",
  (i.item ->> 'price')::numeric::bigint AS "price",
  i.item ->> 'rid' AS "rid",
  i.item ->> 'name' AS "name",
  (i.item ->> 'sale')::numeric::bigint AS "sale",
  i.item ->> 'size' AS "size",
  (i.item ->> 'total_price')::numeric::bigint AS "total_price",
  (i.item ->> 'nm_id')::numeric::bigint AS "nm_id",
  i.item ->> 'brand' AS "brand",
  (i.item ->> 'status')::numeric::bigint AS "status"
FROM "orders" o
CROSS JOIN LATERAL json_array_elements(o."document"::json -> 'items') WITH ORDINALITY AS i (item, "position");

COMMENT ON TABLE "epochs" IS 'The lives of a topic: one that was deleted and made anew begins a new epoch, because its offsets begin again.';
COMMENT ON COLUMN "epochs"."id" IS 'Number of the epoch, over all topics.';
COMMENT ON COLUMN "epochs"."topic" IS 'The Kafka topic.';
COMMENT ON COLUMN "epochs"."started_at" IS 'When an ingestor first saw the topic in this life.';

COMMENT ON TABLE "positions" IS 'How far each partition has been ingested, and what became of its records. This, not Kafka''s committed offset, is the truth; it is also the reader''s cursor.';
COMMENT ON COLUMN "positions"."epoch" IS 'The epoch of the topic.';
COMMENT ON COLUMN "positions"."partition" IS 'The partition of the topic.';
COMMENT ON COLUMN "positions"."next_offset" IS 'The first offset that has not been ingested. It moves in the transaction that stores the records before it.';
COMMENT ON COLUMN "positions"."received" IS 'Records ingested: always stored + duplicate + dead.';
COMMENT ON COLUMN "positions"."stored" IS 'Records that became a row of orders.';
COMMENT ON COLUMN "positions"."duplicate" IS 'Records whose order was there already, with the same meaning.';
COMMENT ON COLUMN "positions"."dead" IS 'Records that became a row of outbox.';
COMMENT ON COLUMN "positions"."gap" IS 'Offsets that Kafka had deleted before they were ingested. Anything but 0 is a loss to look into.';
COMMENT ON COLUMN "positions"."last_offset" IS 'Offset of the last record ingested: below next_offset, which steps over what is no record.';
COMMENT ON COLUMN "positions"."last_digest" IS 'SHA-256 of that record. Kafka holding another one there means that the topic was deleted and made anew.';
COMMENT ON COLUMN "positions"."unfinished_starts" IS 'How often ingesting was begun since something was committed last: after a few, a record may be what kills the process.';
COMMENT ON COLUMN "positions"."updated_at" IS 'When the position last moved.';

COMMENT ON TABLE "orders" IS 'Every order, as it was published. An order never changes.';
COMMENT ON COLUMN "orders"."id" IS 'order_uid of the document.';
COMMENT ON COLUMN "orders"."document" IS 'The published JSON text, byte for byte: text and not json or jsonb, because the ingestor has judged it already.';
COMMENT ON COLUMN "orders"."sha256" IS 'SHA-256 of the document''s bytes; also the ETag.';
COMMENT ON COLUMN "orders"."epoch" IS 'Epoch of the record that brought the order.';
COMMENT ON COLUMN "orders"."partition" IS 'Partition of the record that brought the order.';
COMMENT ON COLUMN "orders"."offset" IS 'Offset of the record that brought the order.';

COMMENT ON TABLE "outbox" IS 'Records that did not become orders: to be delivered to the dead-letter topic, and kept afterwards as the proof behind positions.dead.';
COMMENT ON COLUMN "outbox"."id" IS 'Number of the row, which a delivery job names.';
COMMENT ON COLUMN "outbox"."epoch" IS 'Epoch of the record.';
COMMENT ON COLUMN "outbox"."partition" IS 'Partition of the record.';
COMMENT ON COLUMN "outbox"."offset" IS 'Offset of the record, or the first of a batch that could not be decoded.';
COMMENT ON COLUMN "outbox"."last_offset" IS 'The same offset, or the last of a batch that could not be decoded.';
COMMENT ON COLUMN "outbox"."record_count" IS '1, or the records of a batch that could not be decoded.';
COMMENT ON COLUMN "outbox"."topic" IS 'Topic of the record.';
COMMENT ON COLUMN "outbox"."reason" IS 'Why it is no order: deserialize, schema, unstorable, conflict, oversize or crash.';
COMMENT ON COLUMN "outbox"."errors" IS 'The first mistakes, as paths into the document with what was expected there; never its values.';
COMMENT ON COLUMN "outbox"."key" IS 'The record''s key, byte for byte; null if it had none.';
COMMENT ON COLUMN "outbox"."value" IS 'The record''s value, byte for byte; null if it had none.';
COMMENT ON COLUMN "outbox"."headers" IS 'The record''s headers in Kafka''s wire form: order, repeats and nulls kept.';
COMMENT ON COLUMN "outbox"."timestamp" IS 'The record''s timestamp, ms since 1970; -1 if it had none.';
COMMENT ON COLUMN "outbox"."failed_at" IS 'When the ingestor rejected it.';
COMMENT ON COLUMN "outbox"."attempts" IS 'Deliveries begun.';
COMMENT ON COLUMN "outbox"."leased_until" IS 'Until when a worker has this delivery to itself.';
COMMENT ON COLUMN "outbox"."refusal" IS 'Why Kafka will not take the dead letter, if it has said so.';
COMMENT ON COLUMN "outbox"."delivered_at" IS 'When Kafka acknowledged the dead letter.';

COMMENT ON FUNCTION "rfc3339"(TEXT) IS 'The instant that an RFC 3339 date-time names, with any offset that the standard allows.';

COMMENT ON FUNCTION "same_meaning"(TEXT, TEXT) IS 'Whether two documents are the same order: equal as JSON, whatever their bytes.';

COMMENT ON VIEW "order_details" IS 'The fields at the top of every order.';
COMMENT ON COLUMN "order_details"."order_id" IS 'order_uid of the order.';
COMMENT ON COLUMN "order_details"."track_number" IS 'Tracking number of the whole order.';
COMMENT ON COLUMN "order_details"."entry" IS 'Where the order was entered.';
COMMENT ON COLUMN "order_details"."locale" IS 'Language of the customer.';
COMMENT ON COLUMN "order_details"."internal_signature" IS 'Signature of the publishing service, often empty.';
COMMENT ON COLUMN "order_details"."customer_id" IS 'The customer.';
COMMENT ON COLUMN "order_details"."delivery_service" IS 'Who delivers.';
COMMENT ON COLUMN "order_details"."shardkey" IS 'Shard key of the publishing service.';
COMMENT ON COLUMN "order_details"."sm_id" IS 'sm_id as published.';
COMMENT ON COLUMN "order_details"."date_created" IS 'When the order was made.';
COMMENT ON COLUMN "order_details"."oof_shard" IS 'oof_shard as published.';

COMMENT ON VIEW "deliveries" IS 'Where each order goes: one row an order.';
COMMENT ON COLUMN "deliveries"."order_id" IS 'order_uid of the order.';
COMMENT ON COLUMN "deliveries"."name" IS 'Name of the recipient.';
COMMENT ON COLUMN "deliveries"."phone" IS 'Phone of the recipient.';
COMMENT ON COLUMN "deliveries"."zip" IS 'Postal code.';
COMMENT ON COLUMN "deliveries"."city" IS 'City.';
COMMENT ON COLUMN "deliveries"."address" IS 'Street and house.';
COMMENT ON COLUMN "deliveries"."region" IS 'Region.';
COMMENT ON COLUMN "deliveries"."email" IS 'E-mail address of the recipient.';

COMMENT ON VIEW "payments" IS 'How each order was paid: one row an order. Money is whole numbers, as published.';
COMMENT ON COLUMN "payments"."order_id" IS 'order_uid of the order.';
COMMENT ON COLUMN "payments"."transaction" IS 'The payment''s own id.';
COMMENT ON COLUMN "payments"."request_id" IS 'Id of the payment request, often empty.';
COMMENT ON COLUMN "payments"."currency" IS 'Currency of all amounts.';
COMMENT ON COLUMN "payments"."provider" IS 'Payment provider.';
COMMENT ON COLUMN "payments"."amount" IS 'What was paid in all.';
COMMENT ON COLUMN "payments"."payment_dt" IS 'When it was paid; published as seconds since 1970.';
COMMENT ON COLUMN "payments"."bank" IS 'The bank.';
COMMENT ON COLUMN "payments"."delivery_cost" IS 'What the delivery costs.';
COMMENT ON COLUMN "payments"."goods_total" IS 'What the goods cost.';
COMMENT ON COLUMN "payments"."custom_fee" IS 'Customs fee.';

COMMENT ON VIEW "items" IS 'What was ordered: one row an item.';
COMMENT ON COLUMN "items"."order_id" IS 'order_uid of the order.';
COMMENT ON COLUMN "items"."position" IS 'Place of the item in the order, from 1.';
COMMENT ON COLUMN "items"."chrt_id" IS 'chrt_id as published.';
COMMENT ON COLUMN "items"."track_number" IS 'Tracking number of the item.';
COMMENT ON COLUMN "items"."price" IS 'Price before the discount.';
COMMENT ON COLUMN "items"."rid" IS 'rid as published.';
COMMENT ON COLUMN "items"."name" IS 'Name of the goods.';
COMMENT ON COLUMN "items"."sale" IS 'Discount in per cent.';
COMMENT ON COLUMN "items"."size" IS 'Size.';
COMMENT ON COLUMN "items"."total_price" IS 'Price after the discount.';
COMMENT ON COLUMN "items"."nm_id" IS 'nm_id as published.';
COMMENT ON COLUMN "items"."brand" IS 'Brand.';
COMMENT ON COLUMN "items"."status" IS 'Status as published.';

-- The least that each process needs. Nobody but the owner may change or delete an order, and the reader cannot write.
DO $$
BEGIN
  IF EXISTS (SELECT FROM pg_roles WHERE rolname = 'orders_ingestor') THEN
    GRANT USAGE ON SCHEMA public TO orders_ingestor;
    GRANT SELECT, INSERT ON "epochs", "orders" TO orders_ingestor;
    GRANT SELECT, INSERT, UPDATE ON "positions", "outbox" TO orders_ingestor;
    GRANT USAGE ON SEQUENCE "epochs_id_seq", "outbox_id_seq" TO orders_ingestor;
  END IF;
  IF EXISTS (SELECT FROM pg_roles WHERE rolname = 'orders_reader') THEN
    GRANT USAGE ON SCHEMA public TO orders_reader;
    GRANT SELECT ON "epochs", "positions", "orders" TO orders_reader;
  END IF;
END
$$;
