import { readFile } from "node:fs/promises";
import { join, resolve } from "node:path";
import { buffer } from "node:stream/consumers";
import { projectRoot } from "../../runtime/project-root";
import { UsageError } from "../usage-error";
import { breakSome, isBroken } from "./broken-records";
import { generateOrders } from "./generate-order";
import type { PublishOptions } from "./options";
import { type FileRecords, hasBom, recordsOf } from "./record-forms";

/** A record before it is sent. */
export interface Payload {
  /** Its order's id, if it has one. */
  readonly id: string | undefined;
  readonly value: Buffer | null;
  /** Broken on purpose: its id names no order that anyone will find. */
  readonly broken: boolean;
}

/** Where records come from. They are made while they are sent, so a million of them need no memory. */
export interface Source {
  /** For a person: what it was taken for and how much it is. */
  readonly description: string;
  readonly count: number;
  readonly payloads: Iterable<Payload>;
}

/**
 * Everything that the command line asks to publish: the sample, the files in their order, the generated orders.
 *
 * @param randomSeed the seed if none is given
 * @throws UsageError for a file that cannot be read, or an empty standard input
 */
export async function openSources(options: PublishOptions, randomSeed: () => number): Promise<readonly Source[]> {
  const sources: Source[] = [];
  if (options.sample) sources.push(await fileSource("the sample", join(projectRoot(), "ingestor/order-example.json")));
  for (const path of options.files) {
    sources.push(path === "-" ? await standardInput() : await fileSource(path, fromUser(path)));
  }
  if (options.generate !== undefined) {
    sources.push(generatedSource(options.generate, options.bad ?? 0, options.seed ?? randomSeed()));
  }
  return sources;
}

/** npm runs its scripts in the project's folder, wherever the person who typed the path may stand. */
function fromUser(path: string): string {
  const typedIn = process.env["npm_lifecycle_event"] === "publish" ? process.env["INIT_CWD"] : undefined;
  return resolve(typedIn ?? process.cwd(), path);
}

function fileSource(name: string, path: string): Promise<Source> {
  return recordsSource(name, () => readFile(path));
}

function standardInput(): Promise<Source> {
  return recordsSource("standard input", async () => {
    const bytes = await buffer(process.stdin);
    // A file that is empty was chosen; an empty pipe is nearly always the failure of the command before it.
    if (bytes.length === 0) throw new UsageError("it is empty");
    return bytes;
  });
}

async function recordsSource(name: string, read: () => Promise<Buffer>): Promise<Source> {
  let records: FileRecords;
  try {
    records = recordsOf(await read());
    if (records.values.length === 0) throw new UsageError("it is an empty array");
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === "EISDIR") {
      throw new UsageError(`cannot publish ${name}: it is a folder; name its files, as in ${join(name, "*.json")}`);
    }
    throw new UsageError(`cannot publish ${name}: ${(error as Error).message}`);
  }
  const { form, values } = records;
  const bytes = values.reduce((sum, value) => sum + value.length, 0);
  const count = values.length.toLocaleString("en");
  const taken = { record: "one record", array: `an array of ${count}`, ndjson: `NDJSON of ${count} lines` }[form];
  const [first] = values;
  const bom = form === "record" && first !== undefined && hasBom(first) ? `\n${name} ${BOM_WARNING}` : "";
  return {
    description: `${name}: ${taken}, ${bytes.toLocaleString("en")} bytes, sent as they are${bom}`,
    count: values.length,
    payloads: payloadsOf(values),
  };
}

const BOM_WARNING =
  "begins with a byte order mark, which no order may have: it is sent as it is, and will be dead-lettered";

function* payloadsOf(values: readonly Buffer[]): Generator<Payload> {
  for (const value of values) yield { id: idOf(value), value, broken: false };
}

/** The `order_uid` of a text, if it is a JSON object that has one. */
function idOf(text: Buffer): string | undefined {
  try {
    const order = JSON.parse(text.toString()) as { readonly order_uid?: unknown } | null;
    return typeof order?.order_uid === "string" ? order.order_uid : undefined;
  } catch {
    return undefined;
  }
}

function generatedSource(count: number, bad: number, seed: number): Source {
  const spoilt = bad > 0 ? `, a share of ${bad} broken on purpose` : "";
  return {
    description: `${count.toLocaleString("en")} generated, seed ${seed}${spoilt}`,
    count,
    payloads: generatedPayloads(count, bad, seed),
  };
}

function* generatedPayloads(count: number, bad: number, seed: number): Generator<Payload> {
  for (const record of breakSome(generateOrders({ count, seed }), { share: bad, seed })) {
    yield { id: record.id, value: record.bytes, broken: isBroken(record) };
  }
}
