/**
 * For commands that start a system of their own to break it: one that the environment names shall come to no harm. Where
 * Kafka's programs are is nobody's system.
 */
export function forgetOtherSystems(): void {
  for (const name of Object.keys(process.env)) {
    if (/^(KAFKA_(?!HOME$)|REDIS_|READER_|INGESTOR_)|DATABASE_URL$/.test(name)) delete process.env[name];
  }
}
