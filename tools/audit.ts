import { createPrisma } from "../prisma/client";
import { createKafka, kafkaSettings } from "../runtime/kafka/client";
import { readSettings } from "../runtime/settings";
import { widthOf } from "./align-columns";
import { Differences } from "./audit/differences";
import { Ledger } from "./audit/ledger";
import { type AuditOptions, readOptions } from "./audit/options";
import { describe, describeProgress, resultOf } from "./audit/report";
import { audit, auditQuickly } from "./audit/run-audit";
import { loadLocalEnv } from "./local-env";
import { Progress } from "./progress";
import { print, runCommand } from "./run-command";
import { createToolLog } from "./tool-log";

/** Kafka against PostgreSQL: is every record accounted for? `npm run audit -- --help` tells the rest. */
async function main(args: readonly string[]): Promise<number> {
  const options = readOptions(args);
  loadLocalEnv();
  const { DATABASE_URL } = readSettings(["DATABASE_URL"]);
  const differences = new Differences(options.differences);
  const progress = new Progress();
  const ledger = new Ledger(DATABASE_URL);
  await ledger.connect();
  const audited = options.quick
    ? await auditQuickly({ ledger, topic: readSettings(["KAFKA_TOPIC"]).KAFKA_TOPIC, differences })
    : await auditFully(options, ledger, DATABASE_URL, differences, progress);
  await ledger.close();

  progress.clear();
  const result = resultOf(audited, differences);
  const text = describe(result, differences, widthOf(options.json ? process.stderr : process.stdout));
  if (options.json) progress.say(text.trimEnd());
  await print(options.json ? `${JSON.stringify(result)}\n` : text);
  return result.ok ? 0 : 1;
}

async function auditFully(
  { wait, earlier }: AuditOptions,
  ledger: Ledger,
  databaseUrl: string,
  differences: Differences,
  progress: Progress,
): ReturnType<typeof audit> {
  const settings = readSettings([...kafkaSettings, "KAFKA_TOPIC", "KAFKA_DLQ_TOPIC", "KAFKA_GROUP"]);
  const kafka = createKafka(settings, createToolLog("audit"), "orders-audit");
  const prisma = createPrisma(databaseUrl, { connections: 1, name: "orders-audit" });
  const admin = kafka.admin();
  try {
    await admin.connect();
    return await audit({
      ...{ ledger, prisma, kafka, admin, differences },
      topic: settings.KAFKA_TOPIC,
      dlqTopic: settings.KAFKA_DLQ_TOPIC,
      group: settings.KAFKA_GROUP,
      waitMs: wait * 1_000,
      mostEarlier: earlier,
      say: (text) => progress.say(text),
      onProgress: (topic, done, total) => progress.show(() => describeProgress(topic, done, total)),
    });
  } finally {
    await Promise.allSettled([admin.disconnect(), prisma.$disconnect()]);
  }
}

runCommand(main, "nothing was changed; the same command begins anew");
