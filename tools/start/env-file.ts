import { existsSync, readFileSync } from "node:fs";
import { parseEnv } from "node:util";
import { type Home, writeWhole } from "./home";

/** The addresses of a local system as other programs find them: one `NAME='value'` a line, fit for a shell's `source`. */
export type Addresses = Readonly<Record<string, string>>;

/** Before the names of the addresses at which the system itself started what answers there. */
const OWN = "# started by this system itself: ";

/** @param own the names of the addresses that are the system's own, not given to it from outside */
export function writeEnvFile(home: Home, addresses: Addresses, own: readonly string[] = []): void {
  // Quoted, because `&` and `#` mean something to a shell; a quote within a URL is spelt the URL's way.
  const lines = Object.entries(addresses).map(([name, value]) => `${name}='${value.replaceAll("'", "%27")}'\n`);
  const owned = own.length > 0 ? `${OWN}${own.join(" ")}\n` : "";
  writeWhole(home.path("env"), owned + lines.join(""));
}

/** What the file says; empty if there is none. */
export function readEnvFile(home: Home): NodeJS.Dict<string> {
  const file = home.path("env");
  return existsSync(file) ? parseEnv(readFileSync(file, "utf8")) : {};
}

/**
 * A shell that has sourced the file of a system that has ended since names services that this start is to bring up itself:
 * takes those names out of the environment. An address that was given from outside stays, even if the file repeats it.
 *
 * @returns the names that were taken out
 */
export function forgetOwnAddresses(home: Home, env: NodeJS.Dict<string> = process.env): string[] {
  const file = home.path("env");
  if (!existsSync(file)) return [];
  const text = readFileSync(file, "utf8");
  const own = text.startsWith(OWN) ? (text.slice(OWN.length).split("\n", 1)[0] ?? "").split(" ") : [];
  const known = parseEnv(text);
  const forgotten = own.filter((name) => known[name] !== undefined && env[name] === known[name]);
  for (const name of forgotten) delete env[name];
  return forgotten;
}
