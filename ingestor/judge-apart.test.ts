import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { type ApartJudge, createApartJudge } from "./judge-apart";

const folder = mkdtempSync(join(tmpdir(), "judge-apart-"));
let apart: ApartJudge;

/** A judge that some values kill. */
function judgeThat(source: string): ApartJudge {
  const program = join(folder, "child.cjs");
  writeFileSync(
    program,
    `let judged = 0;\nprocess.on("message", ({ value }) => { const text = value && Buffer.from(value).toString(); ${source} });`,
  );
  return createApartJudge(program);
}

const answer = `process.send({ kind: "rejected", reason: "schema", errors: [String(text)] });`;

afterEach(() => apart.stop());
afterAll(() => rmSync(folder, { recursive: true }));

test("a value that kills every process that looks at it is convicted, and the next one is judged as ever", async () => {
  apart = judgeThat(`if (text === "killer") process.abort(); ${answer}`);
  expect(await apart.judge(Buffer.from("killer"))).toMatchObject({ kind: "rejected", reason: "crash" });
  expect(await apart.judge(Buffer.from("good"))).toMatchObject({ reason: "schema", errors: ["good"] });
});

test("a value that takes all memory is convicted", async () => {
  apart = judgeThat(
    `if (text === "killer") for (const hoard = []; ; ) hoard.push(new Array(2e7).fill(text)); ${answer}`,
  );
  expect(await apart.judge(Buffer.from("killer"))).toMatchObject({ reason: "crash" });
});

test("a process that dies once under a value, as of somebody's kill -9, convicts nobody", async () => {
  const marker = join(folder, "died");
  apart = judgeThat(`const fs = require("node:fs"); const marker = ${JSON.stringify(marker)};
    if (!fs.existsSync(marker)) { fs.writeFileSync(marker, ""); process.kill(process.pid, "SIGKILL"); return; } ${answer}`);
  expect(await apart.judge(Buffer.from("innocent"))).toMatchObject({ reason: "schema", errors: ["innocent"] });
});

test("values that come at once are each given their own verdict", async () => {
  apart = judgeThat(answer);
  const verdicts = await Promise.all(["a", "b", "c"].map((text) => apart.judge(Buffer.from(text))));
  expect(verdicts.map((verdict) => verdict.kind === "rejected" && verdict.errors[0])).toEqual(["a", "b", "c"]);
});

test("a value that is null is judged too", async () => {
  apart = judgeThat(answer);
  expect(await apart.judge(null)).toMatchObject({ errors: ["null"] });
});
