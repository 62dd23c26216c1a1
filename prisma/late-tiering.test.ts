import { spawnSync } from "node:child_process";
import { readFileSync } from "node:fs";
import { join } from "node:path";

// Fails with a Node whose V8 has another name for it: every process and tool would say on standard error that it knows
// none of that name.
test("this Node knows the bound at which an engine is compiled again", () => {
  const [option = ""] = /--wasm-[a-z-]+/.exec(readFileSync(join(__dirname, "late-tiering.ts"), "utf8")) ?? [];
  const { status, stderr } = spawnSync(process.execPath, [`${option}=1`, "--eval", "0"], { encoding: "utf8" });
  expect({ option, status, stderr }).toEqual({ option: "--wasm-tiering-budget", status: 0, stderr: "" });
});
