import type { JudgedRecord } from "./judged-record";
import type { Batch, StoreResult } from "./store-batch";
import { type PatientStoreDeps, storePatiently } from "./store-patiently";

function record(offset: number): JudgedRecord {
  return {
    offset: BigInt(offset),
    lastOffset: BigInt(offset),
    recordCount: 1,
    key: null,
    value: Buffer.from(String(offset)),
    headerBytes: Buffer.from([0]),
    timestamp: 0n,
    verdict: { kind: "accepted", id: String(offset), document: Buffer.from(String(offset)), sha256: Buffer.alloc(32) },
  };
}

function batchOf(count: number): Batch {
  const records = Array.from({ length: count }, (_, offset) => record(offset));
  return { topic: "orders", partition: { epoch: 1, partition: 0 }, from: 0n, to: BigInt(count), records };
}

const dataError = Object.assign(new Error(), { code: "22P05" });
const outage = Object.assign(new Error(), { code: "ECONNREFUSED" });
const deadlock = Object.assign(new Error(), { code: "40P01" });
const tooSlow = Object.assign(new Error(), { code: "57014" });
const defect = Object.assign(new Error(), { code: "42P01" });

const nobodyKnows = Object.assign(new Error(), { code: "ZX123" });

/** A store that remembers what it was given and keeps a position as the database does. */
function storeThat(fails: (batch: Batch, attempt: number) => unknown, takesProbes: () => boolean = () => false) {
  const commits: { from: bigint; to: bigint; outcomes: string[] }[] = [];
  const waits: number[] = [];
  const outages: (string | undefined)[] = [];
  let position = 0n;
  let attempts = 0;
  let isCurrent = true;
  const deps: PatientStoreDeps = {
    store: async (batch): Promise<StoreResult> => {
      const error = fails(batch, attempts++);
      if (error === "commit, then lose the answer") {
        position = batch.to;
        throw outage;
      }
      if (error) throw error;
      if (batch.from !== position) return { kind: "moved", nextOffset: position };
      position = batch.to;
      const outcomes = batch.records.map(({ verdict }) => (verdict.kind === "accepted" ? "stored" : verdict.reason));
      commits.push({ from: batch.from, to: batch.to, outcomes });
      const stored = outcomes.filter((outcome) => outcome === "stored").length;
      return { kind: "stored", stored, duplicate: 0, dead: outcomes.length - stored, outboxIds: [] };
    },
    probe: async () => takesProbes(),
    wait: async (ms) => void waits.push(ms),
    isCurrent: () => isCurrent,
    onOutage: (failure) => void outages.push(failure?.code),
    onUnstorable: () => {},
  };
  return { deps, commits, waits, outages, lose: () => (isCurrent = false) };
}

describe("a batch", () => {
  it("is stored at once where nothing fails", async () => {
    const { deps, commits, waits, outages } = storeThat(() => undefined);
    expect(await storePatiently(batchOf(3), deps)).toMatchObject({ kind: "stored", stored: 3 });
    expect({ commits: commits.length, waits, outages }).toEqual({ commits: 1, waits: [], outages: [undefined] });
  });

  // G3. Fails when an outage's code isolates.
  it("waits through an outage, longer each time up to half a second, and nothing of it is dead-lettered", async () => {
    const { deps, commits, waits, outages } = storeThat((_, attempt) => (attempt < 20 ? outage : undefined));
    expect(await storePatiently(batchOf(3), deps)).toMatchObject({ kind: "stored", stored: 3, dead: 0 });
    expect(commits).toHaveLength(1);
    expect(waits).toHaveLength(20);
    expect(Math.max(...waits)).toBeLessThanOrEqual(500);
    expect(Math.min(...waits.slice(10))).toBeGreaterThanOrEqual(250);
    expect(outages).toEqual([...Array(20).fill("ECONNREFUSED"), undefined]);
  });

  it("is stored again without a wait when the database chose it as a deadlock's victim", async () => {
    const { deps, waits, outages } = storeThat((_, attempt) => (attempt === 0 ? deadlock : undefined));
    expect(await storePatiently(batchOf(3), deps)).toMatchObject({ kind: "stored" });
    expect({ waits, outages }).toEqual({ waits: [], outages: [undefined] });
  });

  it("counts as stored when it had been committed and only the answer was lost", async () => {
    const { deps } = storeThat((_, attempt) => (attempt === 0 ? "commit, then lose the answer" : undefined));
    expect(await storePatiently(batchOf(3), deps)).toMatchObject({ kind: "stored", outboxIds: [] });
  });

  it("is dropped when the position has moved without us", async () => {
    const { deps } = storeThat(() => undefined);
    expect(await storePatiently({ ...batchOf(3), from: 1n }, deps)).toEqual({ kind: "moved", nextOffset: 0n });
  });

  // G4. Fails when a statement time-out only waits: what is too much for one statement then stalls the partition.
  it("is stored in halves where the database takes too long for all of it at once", async () => {
    const { deps, commits, outages } = storeThat(
      (batch, attempt) => batch.records.length > 3 && (attempt < 50 ? tooSlow : defect),
    );
    expect(await storePatiently(batchOf(10), deps)).toMatchObject({ kind: "stored", stored: 10, dead: 0 });
    expect(commits.map(({ from, to }) => [from, to].map(Number))).toEqual([
      [0, 3],
      [3, 5],
      [5, 8],
      [8, 10],
    ]);
    expect(outages).toContain("57014");
    expect(outages.at(-1)).toBeUndefined();
  });

  // G3. Fails when a single record is split or isolated because the database takes too long.
  it("of one record waits where the database takes too long", async () => {
    const { deps, waits } = storeThat((_, attempt) => (attempt < 20 ? tooSlow : undefined));
    expect(await storePatiently(batchOf(1), deps)).toMatchObject({ kind: "stored", stored: 1, dead: 0 });
    expect(waits).toHaveLength(20);
  });

  it("is given up when the partition is taken away during an outage", async () => {
    const { deps, lose } = storeThat((_, attempt) => {
      if (attempt === 5) lose();
      return outage;
    });
    expect(await storePatiently(batchOf(3), deps)).toEqual({ kind: "abandoned" });
  });

  it("ends the process when the database does not fit the program", async () => {
    const { deps } = storeThat(() => defect);
    await expect(storePatiently(batchOf(3), deps)).rejects.toThrow("42P01");
  });
});

describe("an unstorable record", () => {
  const holding = (...offsets: bigint[]) => {
    return (batch: Batch) =>
      batch.records.some(({ offset, verdict }) => offsets.includes(offset) && verdict.kind === "accepted") && dataError;
  };

  // G4. Fails when a batch with an unstorable record is retried or dead-lettered as a whole.
  it("is found by splitting and dead-lettered alone; its 499 neighbours are stored, in order, in few transactions", async () => {
    const { deps, commits } = storeThat(holding(123n));
    expect(await storePatiently(batchOf(500), deps)).toMatchObject({ kind: "stored", stored: 499, dead: 1 });
    expect(commits.map(({ from }) => from)).toEqual([0n, ...commits.slice(0, -1).map(({ to }) => to)]);
    expect(commits.at(-1)?.to).toBe(500n);
    expect(commits.filter(({ outcomes }) => outcomes.includes("unstorable"))).toMatchObject([
      { from: 123n, to: 124n, outcomes: ["unstorable"] },
    ]);
    expect(commits.length).toBeLessThanOrEqual(11);
  });

  it("does not hide another one", async () => {
    const { deps } = storeThat(holding(0n, 1n, 499n));
    expect(await storePatiently(batchOf(500), deps)).toMatchObject({ stored: 497, dead: 3 });
  });

  it("is found also by an error that nobody knows, once as much of other content has been committed meanwhile", async () => {
    const isBad = holding(7n);
    const { deps, commits } = storeThat(
      (batch) => isBad(batch) && nobodyKnows,
      () => true,
    );
    expect(await storePatiently(batchOf(10), deps)).toMatchObject({ stored: 9, dead: 1 });
    expect(commits.filter(({ outcomes }) => outcomes.includes("unstorable"))).toMatchObject([{ from: 7n, to: 8n }]);
  });

  it("is not seen in an error that nobody knows while the database refuses other content as well", async () => {
    const { deps, commits } = storeThat((_, attempt) => (attempt < 50 ? nobodyKnows : undefined));
    expect(await storePatiently(batchOf(10), deps)).toMatchObject({ stored: 10, dead: 0 });
    expect(commits).toHaveLength(1);
  });

  it("is not seen in an outage that comes and goes, however often a probe hits a good moment", async () => {
    const { deps, commits } = storeThat(
      (_, attempt) => (attempt < 50 ? (attempt % 3 === 2 ? outage : nobodyKnows) : undefined),
      () => true,
    );
    expect(await storePatiently(batchOf(1), deps)).toMatchObject({ stored: 1, dead: 0 });
    expect(commits).toHaveLength(1);
  });

  it("is not made of its neighbours by an outage in the middle of the splitting", async () => {
    const isBad = holding(7n);
    const { deps } = storeThat((batch, attempt) => (attempt % 2 === 1 ? outage : isBad(batch)));
    expect(await storePatiently(batchOf(10), deps)).toMatchObject({ stored: 9, dead: 1 });
  });
});
