import { existsSync, mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { waitUntil } from "../../e2e/support/wait-until";
import { runTool, untilToolsEnded } from "./run-tool";

let folder: string;
const at = (name: string): string => join(folder, name);

beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), "orders-tool-"));
});

afterEach(() => rmSync(folder, { recursive: true }));

/** Runs a script of a shell until it has made the file `runs`, then asks it to end. */
const runAndAsk = async (script: string): Promise<unknown> => {
  const controller = new AbortController();
  writeFileSync(at("script"), script);
  const ended = runTool("sh", [at("script"), folder], { signal: controller.signal }).catch((error: unknown) => error);
  await waitUntil("it runs", () => existsSync(at("runs")));
  controller.abort();
  return ended;
};

// Fails when the error of an abort is passed on at once: the tool's last work would come after the start's end.
test("a tool that is asked to end has ended when that is said", async () => {
  const error = await runAndAsk(
    'trap "sleep 0.2; : > $1/tidied; exit 1" TERM; : > $1/runs; while :; do sleep 0.05; done',
  );
  expect(error).toMatchObject({ name: "AbortError" });
  expect(existsSync(at("tidied"))).toBe(true);
  await untilToolsEnded();
});

test("a tool whose child keeps its outputs open is not waited for", async () => {
  const start = performance.now();
  expect(await runAndAsk("sleep 60 & : > $1/runs; wait")).toMatchObject({ name: "AbortError" });
  await untilToolsEnded();
  expect(performance.now() - start).toBeLessThan(50_000);
});

test("a program that is not there is an error of the system, and is not waited for", async () => {
  const { signal } = new AbortController();
  await expect(runTool(at("nowhere"), [], { signal })).rejects.toMatchObject({ code: "ENOENT" });
  await untilToolsEnded();
});
