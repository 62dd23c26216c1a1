/** The services that jest's global setup (start-services.ts) brought along for the tests. */
export type TestAddress =
  | "TEST_KAFKA_BROKERS"
  | "TEST_DATABASE_URL"
  | "TEST_INGESTOR_DATABASE_URL"
  | "TEST_READER_DATABASE_URL"
  | "TEST_REDIS_URL"
  | "TEST_TEMPLATE_DATABASE";

/** @throws Error when the services were not started: only files named *.service.test.ts and *.e2e.test.ts have them */
export function testAddress(name: TestAddress): string {
  const value = process.env[name];
  if (!value)
    throw new Error(`${name} is not set: name the test *.service.test.ts, and see e2e/support/start-services`);
  return value;
}
