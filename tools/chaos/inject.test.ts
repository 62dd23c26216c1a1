import { existsSync, mkdirSync, mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { projectRoot } from "../../runtime/project-root";
import { openHome } from "../start/home";
import type { ChaosSystem } from "./chaos-system";

// The compiled one, which starts the compiled tool.
const { injectAll } = jest.requireActual<typeof import("./inject")>(join(projectRoot(), "dist/tools/chaos/inject.js"));

const folder = mkdtempSync(join(tmpdir(), "orders-inject-"));
afterAll(() => rmSync(folder, { recursive: true }));

// Fails when a replay counts as soon as it is started, whatever becomes of it.
test("a replay that cannot reach anything is no fault that came, and is told", async () => {
  const home = openHome({ ORDERS_HOME: folder });
  mkdirSync(home.path("logs"), { recursive: true });
  const nowhere = "postgresql://nobody@127.0.0.1:1/nothing";
  const database = { owner: nowhere, ingestor: nowhere, reader: nowhere };
  const system = { home, database, brokers: "127.0.0.1:1" } as Pick<ChaosSystem, "home"> as ChaosSystem;
  const said: string[] = [];
  const counts = await injectAll([{ at: 0, fault: "replay", target: "dlq", duration: 1_000 }], {
    ...{ system, topic: "orders", signal: new AbortController().signal },
    kafka: {
      admin: () => {
        throw new Error("nobody asks Kafka");
      },
    },
    say: (text) => void said.push(text),
  });
  expect(counts).toEqual({});
  expect(said.at(-1)).toMatch(/^replay dlq could not be done: replay-dlq ended with (1|SIGKILL)$/);
  expect(existsSync(home.path("logs/replay.log"))).toBe(true);
});
