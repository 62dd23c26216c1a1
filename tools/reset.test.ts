import { spawnSync } from "node:child_process";
import { existsSync, mkdirSync, mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { projectRoot } from "../runtime/project-root";

test("a reset after a Kafka in Docker names the command that forgets its volume", () => {
  const home = mkdtempSync(join(tmpdir(), "orders-reset-"));
  try {
    mkdirSync(join(home, "kafka/jars-4.0.0"), { recursive: true });
    const log = join(home, "kafka/docker.log");
    writeFileSync(log, "");
    const reset = () =>
      spawnSync(process.execPath, [join(projectRoot(), "tools/start/run.mjs"), "dist/tools/reset.js", "--yes"], {
        env: { ...process.env, ORDERS_HOME: home },
        encoding: "utf8",
      });
    expect(reset()).toMatchObject({ status: 0, stderr: expect.stringContaining("docker compose down --volumes") });
    expect(existsSync(log)).toBe(false);
    expect(reset().stderr).toBe(`${home} is as new; the download in ${home}/kafka/jars-4.0.0 is kept\n`);
    // It is said once: what ran in Docker is known no more.
    expect(reset().stderr).not.toContain("docker compose");
  } finally {
    rmSync(home, { recursive: true });
  }
});
