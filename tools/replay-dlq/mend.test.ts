import { mkdtemp, readFile, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { waitUntil } from "../../e2e/support/wait-until";
import { identify } from "../start/process-identity";
import { mend } from "./mend";

let folder: string;

beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), "mend-"));
});
afterAll(() => rm(folder, { recursive: true }));

const noEnd = new AbortController().signal;

/** A command that starts another one, and the number of that one. */
function withCompanion(name: string, command: string) {
  const path = join(folder, name);
  const pid = async (): Promise<number | false> => Number(await readFile(path, "utf8").catch(() => "")) || false;
  return { command: `sleep 60 & echo $! > ${path}; ${command}`, pid };
}

it("gives what the command makes of the value", async () => {
  expect(await mend("tr a b", Buffer.from("aaa"), noEnd)).toEqual({ kind: "mended", value: Buffer.from("bbb") });
  expect(await mend("cat", null, noEnd)).toEqual({ kind: "mended", value: Buffer.alloc(0) });
});

it("a command that writes more than an order may have is ended, with whatever it has started", async () => {
  const { command, pid } = withCompanion("large", "yes");
  expect(await mend(command, Buffer.from("x"), noEnd)).toEqual({ kind: "failed", detail: "wrote more than 1 MiB" });
  const companion = await waitUntil("the companion has been there", pid);
  await waitUntil("its companion is gone", () => identify(companion) === undefined);
});

it("an abort ends the command, with whatever it has started", async () => {
  const { command, pid } = withCompanion("abort", "wait");
  const abort = new AbortController();
  const mended = mend(command, Buffer.from("x"), abort.signal);
  const companion = await waitUntil("the companion is there", pid);
  abort.abort();
  expect(await mended).toEqual({ kind: "failed", detail: "was interrupted" });
  await waitUntil("its companion is gone", () => identify(companion) === undefined);
});
