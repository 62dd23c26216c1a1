import { existsSync, readFileSync } from "node:fs";
import { parseEnv } from "node:util";
import { type Home, writeWhole } from "./home";

/** The addresses of a local system as other programs find them: one `NAME='value'` a line, fit for a shell's `source`. */
export type Addresses = Readonly<Record<string, string>>;

export function writeEnvFile(home: Home, addresses: Addresses): void {
  // Quoted, because `&` and `#` mean something to a shell; a quote within a URL is spelt the URL's way.
  const lines = Object.entries(addresses).map(([name, value]) => `${name}='${value.replaceAll("'", "%27")}'\n`);
  writeWhole(home.path("env"), lines.join(""));
}

/** What the file says; empty if there is none. */
export function readEnvFile(home: Home): NodeJS.Dict<string> {
  const file = home.path("env");
  return existsSync(file) ? parseEnv(readFileSync(file, "utf8")) : {};
}
