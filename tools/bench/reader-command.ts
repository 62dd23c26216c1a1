import { join } from "node:path";
import { projectRoot } from "../../runtime/project-root";
import type { ServerCommand } from "./servers";

/** The reader as it is shipped, with memory for all that is measured. */
export function readerCommand(databaseUrl: string): ServerCommand {
  return {
    command: [process.execPath, join(projectRoot(), "dist/reader/main.js")],
    env: {
      PATH: process.env["PATH"],
      ...{ DATABASE_URL: databaseUrl, READER_PORT: "0", READER_CACHE_MIB: "16384", LOG_FORMAT: "json" },
    },
    readyPath: "/readyz",
  };
}
