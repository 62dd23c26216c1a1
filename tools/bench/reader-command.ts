import { join } from "node:path";
import { projectRoot } from "../../runtime/project-root";
import type { ServerCommand } from "./servers";

/** The reader as it is shipped, with memory for all that is measured if nothing else is said. */
export function readerCommand(databaseUrl: string, cacheMib = 16_384): ServerCommand {
  return {
    command: [process.execPath, join(projectRoot(), "dist/reader/main.js")],
    env: {
      PATH: process.env["PATH"],
      ...{ DATABASE_URL: databaseUrl, READER_PORT: "0", READER_CACHE_MIB: String(cacheMib), LOG_FORMAT: "json" },
    },
    readyPath: "/readyz",
  };
}
