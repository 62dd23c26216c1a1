import { mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { judge, MAX_DOCUMENT_BYTES, type Verdict } from "./judge";
import { type ApartJudge, createApartJudge } from "./judge-apart";
import { judgePatiently } from "./judge-patiently";

const folder = mkdtempSync(join(tmpdir(), "judge-apart-"));
let apart: ApartJudge;

const program = join(folder, "child.cjs");

/** A judge that some values kill. */
function judgeThat(source: string): ApartJudge {
  writeProgram(source);
  return createApartJudge(program);
}

function writeProgram(source: string): void {
  writeFileSync(
    program,
    `process.on("message", ({ value }) => { const text = value && Buffer.from(value).toString(); ${source} });
    process.send("ready");`,
  );
}

/** What waits for a process that judges, told of each failure. */
function judgeWith(onFailure: (code: string) => void, isCurrent = (): boolean => true): Promise<Verdict | undefined> {
  return judgePatiently(Buffer.from("innocent"), {
    ...{ judge: apart.judge, wait: async () => {}, isCurrent },
    onOutage: (failure) => failure && onFailure(failure.code),
  });
}

const answer = `process.send({ kind: "rejected", reason: "schema", errors: [String(text)] });`;

afterEach(() => apart.stop());
afterAll(() => rmSync(folder, { recursive: true }));

// G4. Fails when deaths are not counted (judge in judge-apart.ts): the record would hold up its partition for ever.
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

test("a process that dies once under a value convicts nobody", async () => {
  const marker = join(folder, "died");
  apart = judgeThat(`const fs = require("node:fs"); const marker = ${JSON.stringify(marker)};
    if (!fs.existsSync(marker)) { fs.writeFileSync(marker, ""); process.abort(); } ${answer}`);
  expect(await apart.judge(Buffer.from("innocent"))).toMatchObject({ reason: "schema", errors: ["innocent"] });
});

// G3. Fails when a death by somebody's kill -9 counts as one by the record (ask in judge-apart.ts): harmless values live.
test("kill -9 of the process that judges convicts nobody, however often it comes", async () => {
  const kills = join(folder, "kills");
  apart = judgeThat(`const fs = require("node:fs"); const kills = ${JSON.stringify(kills)};
    if (text === "innocent" && (!fs.existsSync(kills) || fs.statSync(kills).size < 5)) {
      fs.appendFileSync(kills, "x"); process.kill(process.pid, "SIGKILL"); return;
    } ${answer}`);
  const failures: string[] = [];
  const verdict = await judgeWith((code) => failures.push(code));
  expect(verdict).toMatchObject({ reason: "schema", errors: ["innocent"] });
  expect(failures).toEqual(Array(5).fill("SIGKILL"));
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

// G3. Fails when a death before the child is ready counts as one by the record (start in judge-apart.ts).
test("a child whose program is missing convicts nobody, and judges as soon as the program is there", async () => {
  rmSync(program, { force: true });
  apart = createApartJudge(program);
  const failures: string[] = [];
  const verdict = await judgeWith((code) => {
    if (failures.push(code) === 4) writeProgram(answer);
  });
  expect(verdict).toMatchObject({ reason: "schema", errors: ["innocent"] });
  expect(failures).toEqual(Array(4).fill("JUDGE_ENDED"));
});

// G3. Fails when deaths are counted without a harmless value's being judged in between (judge in judge-apart.ts).
test("a machine on which every process that judges anything dies convicts nobody", async () => {
  apart = judgeThat("process.abort();");
  const failures: string[] = [];
  const verdict = await judgeWith((code) => {
    if (failures.push(code) === 2) writeProgram(answer);
  });
  expect(verdict).toMatchObject({ reason: "schema", errors: ["innocent"] });
  expect(failures).toEqual(["JUDGE_ENDED", "JUDGE_ENDED"]);
});

test("nothing is waited for once the partition is another's", async () => {
  apart = createApartJudge(join(folder, "missing.cjs"));
  let isOurs = true;
  const verdict = judgeWith(
    () => {
      isOurs = false;
    },
    () => isOurs,
  );
  expect(await verdict).toBeUndefined();
});

test("what is judged between two deaths is an order of the same size that nobody can object to", async () => {
  const judged = join(folder, "judged");
  apart = judgeThat(`if (text.startsWith("killer")) process.abort();
    require("node:fs").writeFileSync(${JSON.stringify(judged)}, text); ${answer}`);
  expect(await apart.judge(Buffer.alloc(MAX_DOCUMENT_BYTES, "killer"))).toMatchObject({ reason: "crash" });
  const harmless = readFileSync(judged);
  expect(judge(harmless)).toMatchObject({ kind: "accepted" });
  expect(harmless.length / MAX_DOCUMENT_BYTES).toBeCloseTo(1, 2);
});
