import { createApartJudge } from "../ingestor/judge-apart";
import { createKafka, kafkaSettings } from "../runtime/kafka/client";
import { readSettings } from "../runtime/settings";
import { widthOf } from "./align-columns";
import { printable } from "./dlq/redact";
import { loadLocalEnv } from "./local-env";
import { Progress } from "./progress";
import { Ledger } from "./replay-dlq/ledger";
import { type ReplayOptions, readOptions } from "./replay-dlq/options";
import { type ReplayResult, Report } from "./replay-dlq/report";
import { replay } from "./replay-dlq/run-replay";
import { print, runCommand } from "./run-command";
import { stopSignal } from "./stop-signal";
import { createToolLog } from "./tool-log";

/** Failures that are named; more are told by their count. */
const MOST_FAILURES = 20;

/** Brings dead letters back. `npm run replay-dlq -- --help` tells the rest. */
async function main(args: readonly string[]): Promise<number> {
  const options = readOptions(args, new Date());
  loadLocalEnv();
  const settings = readSettings([...kafkaSettings, "KAFKA_TOPIC", "KAFKA_DLQ_TOPIC", "DATABASE_URL"]);
  const kafka = createKafka(settings, createToolLog("replay-dlq"), "orders-replay-dlq");
  const signal = stopSignal();
  const progress = new Progress();
  const report = new Report(!options.go, options.dlqOffsets !== undefined);
  const ledger = new Ledger(settings.DATABASE_URL);
  const admin = kafka.admin();
  const producer = kafka.producer({ allowAutoTopicCreation: false, retry: { retries: 0 } });
  const connect = async (): Promise<void> => {
    await ledger.open(!options.go);
    await admin.connect();
    if (options.go) await producer.connect();
  };
  if (!(await unlessStopped(signal, connect()))) {
    progress.say("stopped before anything was sent: the same command goes on from here");
    return 1;
  }
  const apart = createApartJudge();
  try {
    const { KAFKA_TOPIC: topic, KAFKA_DLQ_TOPIC: dlqTopic } = settings;
    const untold = await replay({
      ...{ kafka, admin, producer, ledger, apart, topic, dlqTopic, options, report, progress, signal },
    });
    progress.clear();
    return await tell({
      options,
      report,
      ledger,
      untold,
      isStopped: signal.aborted,
      say: (text) => progress.say(text),
    });
  } catch (error) {
    progress.clear();
    if (options.go) progress.say("nothing is lost: the same command goes on where this run has stopped");
    throw error;
  } finally {
    apart.stop();
    await Promise.allSettled([admin.disconnect(), producer.disconnect(), ledger.close()]);
  }
}

/** Whether it was done before the signal came. */
function unlessStopped(signal: AbortSignal, work: Promise<void>): Promise<boolean> {
  const stopped = new Promise<boolean>((resolve) => signal.addEventListener("abort", () => resolve(false)));
  return Promise.race([work.then(() => true), stopped]);
}

interface Ending {
  readonly options: ReplayOptions;
  readonly report: Report;
  readonly ledger: Ledger;
  readonly untold: number;
  readonly isStopped: boolean;
  readonly say: (text: string) => void;
}

/** Tells a person what has happened, and a program with `--json` as well. @returns the exit code */
async function tell({ options, report, ledger, untold, isStopped, say }: Ending): Promise<number> {
  const result = await resultOf({ options, report, ledger, isStopped });
  const { matched, sent, stored, failedAgain, duplicate } = result;
  const gone = sent - stored - failedAgain - duplicate - untold;
  const isBad = failedAgain > 0 || untold > 0 || report.hasTrouble || isStopped || (options.wait && gone > 0);
  const lines = [
    ...report.table(widthOf(options.json ? process.stderr : process.stdout)),
    "",
    ...report.names(),
    ...(options.go ? await describeSent(result, ledger) : []),
  ];
  if (!options.go) lines.push(describeDryRun(result));
  if (untold > 0)
    lines.push(`${untold} sent records are not ingested yet: is the ingestor running? The next --go tells.`);
  if (isStopped) lines.push("stopped before the end: the same command goes on from here");
  const text = lines.join("\n").trimStart();
  if (options.json) say(text);
  await print(options.json ? `${JSON.stringify(result)}\n` : `${text}\n`);
  // Whoever names a letter has been mistaken if there is none.
  const isInVain = matched === 0 && (options.id !== undefined || options.order !== undefined);
  return Number(isInVain || (options.go ? isBad : isStopped));
}

async function resultOf({ options, report, ledger, isStopped }: Omit<Ending, "untold" | "say">): Promise<ReplayResult> {
  const { go, limit = Number.POSITIVE_INFINITY } = options;
  const { matched, ready, skipped } = report;
  const whole = !isStopped && ready < limit;
  const { sent = 0, stored = 0, failed = 0, duplicate = 0, gone = 0 } = go ? await ledger.countStates() : {};
  return {
    ...{ dryRun: !go, whole, matched, sent: sent + stored + failed + duplicate + gone },
    ...{ stored, failedAgain: failed, duplicate, skipped },
  };
}

function countSkipped(skipped: ReplayResult["skipped"]): number {
  return Object.values(skipped).reduce((sum, count) => sum + count, 0);
}

/** One that failed again stands in the topic once for each time: records are counted, not letters. */
function describeMatched({ matched, whole }: ReplayResult): string {
  return `${matched} ${matched === 1 ? "record" : "records"} matched${whole ? "" : " up to where it stopped"}`;
}

function describeDryRun(result: ReplayResult): string {
  const { matched, skipped } = result;
  const stay = countSkipped(skipped);
  const all = describeMatched(result);
  return `${all}: ${matched - stay} would be sent, ${stay} would stay. Nothing was sent; --go does it.`;
}

async function describeSent(result: ReplayResult, ledger: Ledger): Promise<string[]> {
  const { sent, stored, failedAgain, duplicate, skipped } = result;
  const stay = countSkipped(skipped);
  const failures = await ledger.listFailures(MOST_FAILURES);
  const more = failedAgain - failures.length;
  return [
    ...failures.map(({ id, failure }) => `failed again: ${printable(id)}: ${printable(failure)}`),
    ...(more > 0 ? [`and ${more} more that failed again (npm run dlq -- list)`] : []),
    `${describeMatched(result)}, ${sent} sent: ${stored} stored, ${duplicate} duplicates, ${failedAgain} failed again; ${stay} stay`,
  ];
}

runCommand(main);
