import { StartError } from "./steps";

/** Kafka cannot be run by Java here, for this reason; Docker may still have one. */
export class KafkaMissing extends StartError {
  /** @param ways to get a Kafka nevertheless, one a line */
  constructor(
    readonly reason: string,
    ways: readonly string[] = WAYS_OUT,
  ) {
    super(
      `${reason}.\nSo Kafka cannot be started here. Any of these helps:\n${ways.map((way) => `  · ${way}`).join("\n")}`,
    );
  }
}

const WAYS_OUT = [
  "Java 17 or newer and Maven; on Debian or Ubuntu: sudo apt-get install openjdk-17-jre-headless maven",
  "a Java that is elsewhere: JAVA_HOME=/folder npm start; a Kafka that is: KAFKA_HOME=/folder npm start",
  "a broker of yours: KAFKA_BROKERS=host:9092 npm start",
  "a Docker engine: once it runs, npm start takes Kafka from docker-compose.yml; docker compose up takes all",
];
