import { judge } from "./judge";

/** The program of judge-apart.ts: says when it is ready, answers every value with its verdict, and ends with its parent. */
process.on("message", ({ value }: { value: Uint8Array | null }) => {
  process.send?.(judge(value && Buffer.from(value)));
});
process.on("disconnect", () => process.exit());
process.send?.("ready");
