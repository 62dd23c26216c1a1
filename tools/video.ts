import { copyFileSync, mkdirSync, mkdtempSync, readFileSync, renameSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { basename, dirname, join, resolve } from "node:path";
import { Command } from "commander";
import { projectRoot } from "../runtime/project-root";
import { parseCommandLine } from "./command-line";
import { print, runCommand } from "./run-command";
import { undoWhenStopped } from "./take-back";
import { startDemoSystem } from "./video/demo-system";
import { startFilm } from "./video/film";
import { filmLength } from "./video/film-length";
import { requirePrograms } from "./video/programs";
import { openStage, type Stage } from "./video/stage";
import { play } from "./video/story";

interface VideoOptions {
  readonly out: string;
  readonly keep?: true;
  readonly json?: true;
}

/** What a person in a hurry looks at, and what a README may weigh. */
const MOST_SECONDS = 60;
const MOST_BYTES = 5_000_000;

const HELP = `
Starts a system of its own in a folder of its own, shows it in Chromium, and
writes demo.mp4 and demo-poster.png. What the terminal says was said by the real
commands; only the waiting is cut out. Needs Chromium and ffmpeg, which are
installed where root and apt-get can.

Examples:
  npm run video
  npm run video -- --out /tmp --keep

Exit codes: 0 written, 1 it could not be or has become too long, 2 used wrongly.`;

/** The short film that the README opens with. */
runCommand(async (args) => {
  const command = new Command("npm run video --")
    .description("Films Orders at work, from an order's publication to a mended dead letter.")
    .option("--out <FOLDER>", "where to write (default: docs)")
    .option("--keep", "keep the pictures and the system's folder, and say where they are")
    .option("--json", "end with one line {file, poster, seconds, bytes} on standard output")
    .addHelpText("after", HELP);
  const options = {
    out: join(projectRoot(), "docs"),
    ...parseCommandLine(command, args).opts<Partial<VideoOptions>>(),
  };
  const { chromium: executablePath } = requirePrograms();
  const folder = mkdtempSync(join(tmpdir(), "orders-video-"));
  const [file, poster] = [join(resolve(options.out), "demo.mp4"), join(resolve(options.out), "demo-poster.png")];
  mkdirSync(dirname(file), { recursive: true });
  if (options.keep) process.stderr.write(`the pictures will be in ${folder}\n`);
  else process.once("exit", () => rmSync(folder, { recursive: true, force: true }));
  await film(folder, executablePath);
  for (const path of [file, poster]) putInPlace(join(folder, basename(path)), path);
  const mp4 = readFileSync(file);
  const result = { file, poster, seconds: Math.round(filmLength(mp4)), bytes: mp4.length };
  const { seconds, bytes } = result;
  await print(options.json ? `${JSON.stringify(result)}\n` : `${file}: ${seconds} seconds, ${bytes} bytes\n`);
  if (seconds <= MOST_SECONDS && bytes <= MOST_BYTES) return 0;
  process.stderr.write(`more than ${MOST_SECONDS} seconds or ${MOST_BYTES} bytes; a calmer machine makes it shorter\n`);
  return 1;
}, "the film that was there is as it was; the same command begins anew");

/** Whoever is stopped, or fails, leaves what was there before, and nothing that is half of it. */
function putInPlace(made: string, path: string): void {
  // The folders may be on different disks, across which nothing can be renamed.
  copyFileSync(made, `${path}.new`);
  renameSync(`${path}.new`, path);
}

/** Leaves demo.mp4 and demo-poster.png in the folder. */
async function film(folder: string, executablePath: string): Promise<void> {
  process.stderr.write("starting a system for the film …\n");
  const home = join(folder, "home");
  mkdirSync(home);
  const system = await startDemoSystem(home);
  // Loaded here, so that --help needs nothing that only developers have.
  const { chromium } = await import("playwright-core");
  const browser = await chromium.launch({
    ...{ executablePath, args: ["--no-sandbox", "--disable-gpu"] },
    // What is stopped is stopped in one place.
    ...{ handleSIGINT: false, handleSIGTERM: false, handleSIGHUP: false },
  });
  undoWhenStopped("Chromium", () => browser.close());
  try {
    const stage = await openStage(browser, system.readerUrl);
    process.stderr.write("filming …\n");
    const film = await startFilm(stage.page, join(folder, "pictures"));
    await play({ stage, film, system, folder: home });
    await film.finish(join(folder, "demo.mp4"));
    await takePoster(stage, join(folder, "demo-poster.png"));
  } finally {
    await browser.close();
    await system.stop();
  }
}

async function takePoster(stage: Stage, path: string): Promise<void> {
  await stage.card("");
  await stage.terminal(0);
  await stage.caption("Orders: Kafka → PostgreSQL → a page, and nothing is lost");
  await stage.page.evaluate("document.getElementById('play').hidden = false");
  await stage.page.waitForFunction("getComputedStyle(document.getElementById('card')).opacity === '0'");
  await stage.page.screenshot({ path });
}
