import { orderWithId } from "../../e2e/support/judged-records";
import { runTool } from "../audit/test-support";
import type { ReplayResult } from "./report";

/** An order with a producer's bug: money as text. */
export function brokenOrder(id: string): Buffer {
  return Buffer.from(orderWithId(id).toString().replace("1817", '"1817"'));
}

/** Mends it. */
export const MEND = ["--edit", `sed 's/"1817"/1817/'`];

/** Runs the tool, and reads its last line. */
export async function replay({ env }: { readonly env: Readonly<Record<string, string>> }, ...args: string[]) {
  const { code, stdout, stderr } = await runTool("replay-dlq", ["--json", ...args], env);
  return { code, stderr, result: JSON.parse(stdout.trimEnd().split("\n").at(-1) || stderr) as ReplayResult };
}
