import { spawn } from "node:child_process";
import { once } from "node:events";
import { mkdirSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { text } from "node:stream/consumers";
import type { Page } from "playwright-core";
import { undoWhenStopped } from "../take-back";
import { SIZE } from "./stage";

/** What the browser shows, as pictures with their times. */
export interface Film {
  /** Leaves out what happens until the promise settles, but for a moment of it: nobody wants to see a wait. */
  cut<Result>(waiting: Promise<Result>): Promise<Result>;
  /** Writes the film. */
  finish(file: string): Promise<void>;
}

interface Picture {
  readonly file: string;
  /** Seconds. */
  readonly at: number;
}

/** Of a wait that is cut. */
const KEPT_SECONDS = 0.4;
const RATE = 25;

/** Begins to film the page. @param folder for the pictures */
export async function startFilm(page: Page, folder: string): Promise<Film> {
  mkdirSync(folder, { recursive: true });
  const pictures: Picture[] = [];
  const cuts: { from: number; to: number }[] = [];
  const session = await page.context().newCDPSession(page);
  session.on("Page.screencastFrame", ({ data, metadata, sessionId }) => {
    const file = join(folder, `${String(pictures.length).padStart(5, "0")}.jpg`);
    writeFileSync(file, Buffer.from(data, "base64"));
    pictures.push({ file, at: metadata.timestamp ?? Date.now() / 1_000 });
    // The browser sends no further one before. It may be gone by then.
    session.send("Page.screencastFrameAck", { sessionId }).catch(() => {});
  });
  const size = { maxWidth: SIZE.width, maxHeight: SIZE.height };
  await session.send("Page.startScreencast", { format: "jpeg", quality: 95, everyNthFrame: 1, ...size });
  return {
    cut: async (waiting) => {
      const from = Date.now() / 1_000 + KEPT_SECONDS;
      try {
        return await waiting;
      } finally {
        cuts.push({ from, to: Date.now() / 1_000 });
      }
    },
    finish: async (file) => {
      const end = Date.now() / 1_000;
      await session.send("Page.stopScreencast");
      const filmed = (from: number, to: number): number =>
        cuts.reduce((rest, cut) => rest - Math.max(0, Math.min(to, cut.to) - Math.max(from, cut.from)), to - from);
      const list = pictures.map(({ file, at }, index) => {
        const duration = filmed(at, pictures[index + 1]?.at ?? end);
        return `file '${file}'\nduration ${Math.max(0, duration).toFixed(4)}\n`;
      });
      // The last picture's duration counts only if it is named again.
      writeFileSync(join(folder, "list.txt"), `${list.join("")}file '${pictures.at(-1)?.file}'\n`);
      await encode(join(folder, "list.txt"), file);
    },
  };
}

/** H.264 as every browser plays it, beginning before it is loaded as a whole. @throws Error with ffmpeg's words */
async function encode(list: string, file: string): Promise<void> {
  const input = ["-f", "concat", "-safe", "0", "-i", list];
  const picture = ["-vf", `fps=${RATE},scale=${SIZE.width}:${SIZE.height},format=yuv420p`, "-an"];
  const codec = ["-c:v", "libx264", "-preset", "slow", "-crf", "24", "-movflags", "+faststart"];
  const child = spawn("ffmpeg", ["-v", "error", "-y", ...input, ...picture, ...codec, file], {
    stdio: ["ignore", "ignore", "pipe"],
  });
  const ended = once(child, "close");
  const done = undoWhenStopped("ffmpeg", async () => {
    child.kill("SIGKILL");
    await ended;
  });
  const [words, [status]] = await Promise.all([text(child.stderr), ended]);
  done();
  if (status !== 0) throw new Error(`ffmpeg could not write ${file}: ${words}`);
}
