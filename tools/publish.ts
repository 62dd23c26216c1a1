import { randomInt } from "node:crypto";
import { createKafka, kafkaSettings } from "../runtime/kafka/client";
import { readSettings, SettingsError } from "../runtime/settings";
import { loadLocalEnv } from "./local-env";
import type { PublishRecord } from "./publish/batches";
import { openTopic, TopicUnavailableError } from "./publish/open-topic";
import { codecs, type PublishOptions, readOptions } from "./publish/options";
import { Report } from "./publish/report";
import { sendRecords } from "./publish/send-records";
import { openSources, type Source } from "./publish/sources";
import { stopSignal } from "./stop-signal";
import { createToolLog } from "./tool-log";
import { UsageError } from "./usage-error";

/** Publishes orders: files, standard input, the sample, or generated ones. `npm run publish -- --help` tells the rest. */
async function main(args: readonly string[]): Promise<number> {
  const options = readOptions(args);
  const sources = await openSources(options, () => randomInt(2 ** 32));
  const total = sources.reduce((sum, source) => sum + source.count, 0);
  const report = new Report({ json: options.json, dryRun: options.dryRun, total });
  for (const { description } of sources) report.say(description);
  return options.dryRun ? rehearse(sources, report) : publish(sources, options, report, total);
}

async function rehearse(sources: readonly Source[], report: Report): Promise<number> {
  for (const record of recordsOf(sources)) report.add([record]);
  await print(report.result({ sent: 0, refused: [], ended: undefined }));
  return 0;
}

async function publish(
  sources: readonly Source[],
  options: PublishOptions,
  report: Report,
  total: number,
): Promise<number> {
  loadLocalEnv();
  const settings = readSettings([...kafkaSettings, "KAFKA_TOPIC"]);
  const kafka = createKafka(settings, createToolLog("publish"), "orders-publish");
  const signal = stopSignal();
  try {
    const topic = await openTopic(kafka, {
      topic: options.topic ?? settings.KAFKA_TOPIC,
      key: options.key,
      compression: codecs[options.codec],
      brokers: settings.KAFKA_BROKERS,
      signal,
    });
    if (!topic) {
      await print(report.result({ sent: 0, refused: [], ended: { because: "stopped" } }));
      return 1;
    }
    const outcome = await sendRecords(recordsOf(sources), {
      send: topic.send,
      rate: options.rate,
      signal,
      onSent: (batch) => report.add(batch),
    });
    await print(report.result(outcome));
    await topic.close();
    return outcome.sent === total ? 0 : 1;
  } catch (error) {
    if (!(error instanceof TopicUnavailableError)) throw error;
    report.say(error.message);
    if (options.json) await print(`${JSON.stringify({ sent: 0, failed: total, ids: [] })}\n`);
    return 1;
  }
}

function* recordsOf(sources: readonly Source[]): Generator<PublishRecord> {
  let index = 0;
  for (const { payloads } of sources) {
    for (const payload of payloads) yield { ...payload, index: index++ };
  }
}

/** Resolves when the text has left the process: a pipe takes what is large in pieces. */
function print(text: string): Promise<void> {
  return new Promise((resolve) => process.stdout.write(text, () => resolve()));
}

main(process.argv.slice(2)).then(
  // A broker that hangs must not keep a finished tool alive.
  (exitCode) => process.exit(exitCode),
  (error: Error) => {
    const used = error instanceof UsageError || error instanceof SettingsError;
    process.stderr.write(`${used ? error.message : (error.stack ?? error.message)}\n`);
    process.exit(used ? 2 : 1);
  },
);
