-- Kafka's id of the topic tells its lives apart also where a new one has grown past the old position at once.
ALTER TABLE "epochs" ADD COLUMN "topic_id" TEXT COLLATE "C";

COMMENT ON COLUMN "epochs"."topic_id" IS 'Kafka''s id of the topic in this life, as its tools print it; null where the broker told none.';

-- An epoch that began before the id was known takes it over.
DO $$
BEGIN
  IF EXISTS (SELECT FROM pg_roles WHERE rolname = 'orders_ingestor') THEN
    GRANT UPDATE ("topic_id") ON "epochs" TO orders_ingestor;
  END IF;
END
$$;
