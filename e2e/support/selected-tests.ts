import { readdirSync } from "node:fs";
import { join } from "node:path";
import type { Config } from "@jest/types";

/** Whether this run of jest includes a test whose name says that it needs services. */
export function needsServices(config: Config.GlobalConfig): boolean {
  const { patterns } = config.testPathPatterns;
  const isSelected = (path: string): boolean =>
    patterns.length === 0 || patterns.some((pattern) => new RegExp(pattern, "i").test(path));
  return ["ingestor", "reader", "prisma", "runtime", "tools", "e2e"].some((folder) =>
    readdirSync(join(config.rootDir, folder), { recursive: true, encoding: "utf8" })
      .map((path) => join(config.rootDir, folder, path))
      .some((path) => /\.(service|e2e)\.test\.ts$/.test(path) && isSelected(path)),
  );
}
