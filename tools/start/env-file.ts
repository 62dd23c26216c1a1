import { readFileSync } from "node:fs";
import { type Home, writeWhole } from "./home";

/** The addresses of a local system as other programs find them: one `NAME=value` a line, fit for a shell's `source`. */
export type Addresses = Readonly<Record<string, string>>;

export function writeEnvFile(home: Home, addresses: Addresses): void {
  const lines = Object.entries(addresses).map(([name, value]) => `${name}=${value}\n`);
  writeWhole(home.path("env"), lines.join(""));
}

/** What the file says; empty if there is none. */
export function readEnvFile(home: Home): Addresses {
  let text: string;
  try {
    text = readFileSync(home.path("env"), "utf8");
  } catch {
    return {};
  }
  return Object.fromEntries([...text.matchAll(/^(\w+)=(.*)$/gm)].map(([, name = "", value = ""]) => [name, value]));
}
