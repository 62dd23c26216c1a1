import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { openHome } from "./home";
import { requireRoom } from "./require-room";
import { createSteps } from "./steps";

test("a home on a full disk is refused before anything is begun, with what is needed and the way out", () => {
  // What the kernel shows as files takes no room and gives none.
  const full = { folder: "/proc", path: (...parts: string[]) => join("/proc", ...parts) };
  expect(() => requireRoom(full, createSteps({ write: () => {} }))).toThrow(
    "the disk of /proc has 0 MB free, and 400 MB are needed: make room, or name a folder on another disk by ORDERS_HOME",
  );
});

test("where there is room, nothing is refused", () => {
  const home = openHome({ ORDERS_HOME: mkdtempSync(join(tmpdir(), "orders-room-")) });
  expect(() => requireRoom(home, createSteps({ write: () => {} }))).not.toThrow();
  rmSync(home.folder, { recursive: true });
});
