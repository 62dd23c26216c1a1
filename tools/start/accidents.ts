import { readFileSync } from "node:fs";
import type { Home } from "./home";
import type { Steps } from "./steps";

/** What a start does about each file of the home that was damaged, as by a power cut; a lost one is simply made anew. */
const REMEDIES = {
  "passwords.json": "the database's users get new passwords",
  "ports.json": "the ports are chosen anew",
  "running.json": "what an earlier start left running is found by its data",
  env: "it is written anew",
} as const;

/** Says what the last run left behind by which it is seen that it was not stopped. Call it with the home's lock taken. */
export function tellAccidents(home: Home, steps: Steps): void {
  for (const [name, remedy] of Object.entries(REMEDIES)) {
    const text = textOf(home.path(name));
    if (text === undefined || isSound(name, text)) continue;
    steps.say(`  ${home.path(name)} is damaged (${text.length} bytes): ${remedy}`);
  }
  const running = textOf(home.path("running.json")) ?? "{}";
  if (!isSound("running.json", running)) return;
  const names = Object.keys(JSON.parse(running));
  if (names.length > 0)
    steps.say(`  the last run was not stopped: ${names.join(", ")} ran; each goes on from its data`);
}

function isSound(name: string, text: string): boolean {
  // Each line as env-file.ts writes it; the last one's end shows that none is missing.
  if (name === "env")
    return (
      text.endsWith("'\n") &&
      text
        .trimEnd()
        .split("\n")
        .every((line) => /^(\w+='[^']*'|# .*)$/.test(line))
    );
  try {
    const value: unknown = JSON.parse(text);
    return typeof value === "object" && value !== null;
  } catch {
    return false;
  }
}

function textOf(path: string): string | undefined {
  try {
    return readFileSync(path, "utf8");
  } catch {
    return undefined;
  }
}
