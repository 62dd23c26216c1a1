import { waitUntil } from "../../e2e/support/wait-until";
import { identify, isAlive, type ProcessIdentity } from "../start/process-identity";
import { processTree } from "../start/process-tree";
import { startBreakablePostgres } from "./breakable-postgres";

// Fails when only what the part has running now is thawed: nobody knows any more whose these are.
test("a PostgreSQL whose server is killed while it is frozen leaves no process behind", async () => {
  const postgres = await startBreakablePostgres();
  const processes = processTree(postgres.pid())
    .map(identify)
    .filter((each): each is ProcessIdentity => each !== undefined);
  expect(processes.length).toBeGreaterThan(5);
  postgres.freeze();
  process.kill(postgres.pid(), "SIGKILL");
  await waitUntil("the server is gone", () => processes[0] && !isAlive(processes[0]));
  await postgres.drop();
  await waitUntil("the rest is gone too", () => !processes.some(isAlive));
});
