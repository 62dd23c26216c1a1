import { mkdirSync, mkdtempSync, readFileSync, rmSync, truncateSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { acceptJars, damagedJar } from "./jar-folder";

/** The smallest zip file: nothing but the record at its end, here with a comment of four bytes. */
const EMPTY_JAR = Buffer.from(`${"PK\u0005\u0006".padEnd(20, "\0")}\u0004\0four`, "latin1");
let folder: string;
const jar = (name: string): string => join(folder, "libs", name);

beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), "orders-jars-"));
  mkdirSync(join(folder, "libs"));
  for (const name of ["a.jar", "b.jar"]) writeFileSync(jar(name), EMPTY_JAR);
});

afterEach(() => rmSync(folder, { recursive: true }));

test("whole jars are accepted, and are then as they were", () => {
  expect(acceptJars(folder)).toBeUndefined();
  expect(damagedJar(folder)).toBeUndefined();
});

test("a jar that is cut off at its end, or at its start, is not accepted", () => {
  truncateSync(jar("b.jar"), 10);
  expect(acceptJars(folder)).toBe("b.jar");
  // Its directory would have to begin before the file does.
  const ofMore = Buffer.from(EMPTY_JAR);
  ofMore.writeUInt32LE(1_000, 16);
  writeFileSync(jar("b.jar"), ofMore);
  expect(acceptJars(folder)).toBe("b.jar");
  expect(damagedJar(folder)).toBe("the list of its jars is missing");
});

test("what was lost after it was accepted is named", () => {
  acceptJars(folder);
  truncateSync(jar("a.jar"), 3);
  expect(damagedJar(folder)).toBe("a.jar is cut off");
  rmSync(jar("a.jar"));
  expect(damagedJar(folder)).toBe("a.jar is missing");
});

test("a list that was lost or emptied counts for nothing", () => {
  acceptJars(folder);
  writeFileSync(join(folder, "jars.json"), Buffer.alloc(readFileSync(join(folder, "jars.json")).length));
  expect(damagedJar(folder)).toBe("the list of its jars is missing");
});
