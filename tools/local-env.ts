import { readFileSync } from "node:fs";
import { join, resolve } from "node:path";
import { parseEnv } from "node:util";
import { projectRoot } from "../runtime/project-root";

/** The folder of the local system's data: `.local/` in the project, or ORDERS_HOME. */
export function localHome(): string {
  return resolve(process.env["ORDERS_HOME"] || join(projectRoot(), ".local"));
}

/**
 * Where the environment is silent, the addresses that `npm start` wrote into the local system's `env` file are used, so
 * that a tool finds the system that runs here without being told. Without such a file nothing happens.
 *
 * @throws Error when the file is there and cannot be read
 */
export function loadLocalEnv(): void {
  for (const [name, value] of Object.entries(readEnvFile(join(localHome(), "env")))) {
    if (!process.env[name] && value !== undefined) process.env[name] = value;
  }
}

function readEnvFile(path: string): NodeJS.Dict<string> {
  try {
    return parseEnv(readFileSync(path, "utf8"));
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === "ENOENT") return {};
    throw error;
  }
}
