import type { Admin, Kafka } from "kafkajs";
import { createPrisma } from "../../prisma/client";
import { catchUp } from "../audit/catch-up";
import { Differences } from "../audit/differences";
import { Ledger } from "../audit/ledger";
import { resultOf } from "../audit/report";
import { audit } from "../audit/run-audit";
import { readLogBounds } from "../walk-topic";
import { type Comparison, compare } from "./compare";
import { patiently } from "./patiently";
import { readOutcome } from "./read-outcome";

export interface CheckDeps {
  readonly kafka: Kafka;
  readonly admin: Admin;
  readonly databaseUrl: string;
  readonly topics: { readonly topic: string; readonly dlqTopic: string; readonly group: string };
  readonly sendsFile: string;
  readonly say: (text: string) => void;
}

/**
 * How long the system may take to come level once nothing disturbs it any more. A dead letter in the hands of an ingestor
 * that died is leased for 60 s; a half-open connection is given up after 20 s.
 */
const DRAIN_MS = 120_000;
/** Kafka, PostgreSQL or Redis may have been killed a moment ago. */
export const UP_AGAIN_MS = 60_000;
const MOST_DIFFERENCES = 100;

/** Waits until every record is ingested and every dead letter delivered, or the time is up. Returns how long, in ms. */
export async function awaitLevel({ admin, databaseUrl, topics, say }: CheckDeps): Promise<number> {
  const startedAt = performance.now();
  const ledger = await patiently(UP_AGAIN_MS, () => openLedger(databaseUrl));
  try {
    const bounds = await patiently(UP_AGAIN_MS, () => readLogBounds(admin, topics.topic));
    await catchUp({ ...topics, ledger, admin, bounds, waitMs: DRAIN_MS, onWait: (what) => say(`waiting: ${what}`) });
  } finally {
    await ledger.close();
  }
  const ms = Math.round(performance.now() - startedAt);
  say(`level, or given up, after ${ms} ms`);
  return ms;
}

/** Compares what there is with what there has to be: by the audit, and by the publisher's file. */
export async function checkBooks(deps: CheckDeps): Promise<{ comparison: Comparison; differences: number }> {
  const { kafka, admin, databaseUrl, topics, sendsFile, say } = deps;
  const ledger = await openLedger(databaseUrl);
  const prisma = createPrisma(databaseUrl, { connections: 1, name: "orders-chaos" });
  try {
    const differences = new Differences(MOST_DIFFERENCES);
    const parts = { ledger, prisma, kafka, admin, ...topics, differences, say };
    // A database and topics of the run's own: nothing in them is of an earlier life.
    const audited = await audit({ ...parts, waitMs: 0, mostEarlier: 0, onProgress: () => {} });
    const { ok } = resultOf(audited, differences);
    say(`audit: ${JSON.stringify({ ok, ...audited, differences: differences.kept })}`);
    const comparison = compare(await readOutcome({ kafka, admin, ...topics, databaseUrl, sendsFile }));
    // What was not ingested in time is no difference to the audit, and not ok either.
    return { comparison, differences: ok ? 0 : Math.max(1, differences.total) };
  } finally {
    await Promise.allSettled([ledger.close(), prisma.$disconnect()]);
  }
}

async function openLedger(databaseUrl: string): Promise<Ledger> {
  const ledger = new Ledger(databaseUrl);
  await ledger.connect();
  return ledger;
}
