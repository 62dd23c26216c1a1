import type { Admin, Kafka } from "kafkajs";
import { createPrisma } from "../../prisma/client";
import { catchUp } from "../audit/catch-up";
import { Differences } from "../audit/differences";
import { Ledger } from "../audit/ledger";
import { resultOf } from "../audit/report";
import { audit } from "../audit/run-audit";
import { readLogBounds } from "../audit/walk-topic";
import { type Comparison, compare } from "./compare";
import { patiently } from "./patiently";
import { readOutcome } from "./read-outcome";

export interface CheckSystemDeps {
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
const UP_AGAIN_MS = 60_000;
const MOST_DIFFERENCES = 100;

/** Waits until the system is level, then compares: by the audit, and by the publisher's file. */
export async function checkSystem(
  deps: CheckSystemDeps,
): Promise<{ comparison: Comparison; differences: number; recoveredMs: number }> {
  const { kafka, admin, databaseUrl, topics, sendsFile, say } = deps;
  const endedAt = performance.now();
  const ledger = await patiently(UP_AGAIN_MS, async () => {
    const ledger = new Ledger(databaseUrl);
    await ledger.connect();
    return ledger;
  });
  const prisma = createPrisma(databaseUrl, { connections: 1, name: "orders-chaos" });
  try {
    const bounds = await patiently(UP_AGAIN_MS, () => readLogBounds(admin, topics.topic));
    await catchUp({ ...topics, ledger, admin, bounds, waitMs: DRAIN_MS, onWait: (what) => say(`waiting: ${what}`) });
    const recoveredMs = Math.round(performance.now() - endedAt);
    say(`level after ${recoveredMs} ms`);
    const differences = new Differences(MOST_DIFFERENCES);
    const audited = await audit({
      ...{ ledger, prisma, kafka, admin, ...topics, differences, say },
      waitMs: 0,
      onProgress: () => {},
    });
    const { ok } = resultOf(audited, differences);
    say(`audit: ${JSON.stringify({ ok, audited, differences: differences.kept })}`);
    const comparison = compare(await readOutcome({ kafka, admin, ...topics, databaseUrl, sendsFile }));
    return { comparison, differences: ok ? 0 : Math.max(1, differences.total), recoveredMs };
  } finally {
    await Promise.allSettled([ledger.close(), prisma.$disconnect()]);
  }
}
