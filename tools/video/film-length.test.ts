import { spawnSync } from "node:child_process";
import { readFileSync } from "node:fs";
import { join } from "node:path";
import { projectRoot } from "../../runtime/project-root";
import { filmLength } from "./film-length";

const FILM = join(projectRoot(), "docs/demo.mp4");

test("the README's film is no longer than a minute, no larger than 5 MB, and begins to play before it is all there", () => {
  const mp4 = readFileSync(FILM);
  expect(mp4.length).toBeLessThanOrEqual(5_000_000);
  expect(filmLength(mp4)).toBeGreaterThan(20);
  expect(filmLength(mp4)).toBeLessThanOrEqual(60);
  expect(mp4.indexOf("moov")).toBeLessThan(mp4.indexOf("mdat"));
  // H.264 with the colours that every browser plays.
  expect(mp4.includes("avc1")).toBe(true);
  const probe = spawnSync("ffprobe", ["-v", "error", "-show_entries", "format=duration", "-of", "csv=p=0", FILM], {
    encoding: "utf8",
  });
  if (probe.status === 0) expect(Number(probe.stdout)).toBeCloseTo(filmLength(mp4), 0);
});

test("a film without a header is none", () => {
  expect(() => filmLength(Buffer.from("ftypmp42"))).toThrow("no movie header");
});
