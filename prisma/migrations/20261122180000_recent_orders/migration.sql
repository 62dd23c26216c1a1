-- The reader tells people who watch its page which orders arrive: their sum and currency, read from the view. It is the
-- only view that it may read; a person's data is in the others.
DO $$
BEGIN
  IF EXISTS (SELECT FROM pg_roles WHERE rolname = 'orders_reader') THEN
    GRANT SELECT ON "payments" TO orders_reader;
  END IF;
END
$$;
