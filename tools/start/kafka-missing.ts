import { readFileSync } from "node:fs";
import { join } from "node:path";
import { projectRoot } from "../../runtime/project-root";
import { StartError } from "./steps";

/** Kafka cannot be run by Java here, for this reason; Docker may still have one. */
export class KafkaMissing extends StartError {
  /** @param ways to get a Kafka nevertheless, one a line */
  constructor(
    readonly reason: string,
    ways: readonly string[] = waysOut(),
  ) {
    super(
      `${reason}.\nSo Kafka cannot be started here. Any of these helps:\n${ways.map((way) => `  · ${way}`).join("\n")}`,
    );
  }
}

/** One a line. require-kafka.mjs names them too, before anything is compiled. */
function waysOut(): string[] {
  return JSON.parse(readFileSync(join(projectRoot(), "tools/start/kafka-ways.json"), "utf8"));
}
