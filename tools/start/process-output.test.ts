import { PassThrough } from "node:stream";
import { createProcessOutput, type ProcessOutput } from "./process-output";

let said: string;
let output: ProcessOutput;
let process_: PassThrough;
let ended: Promise<void>;

beforeEach(() => {
  said = "";
  process_ = new PassThrough();
  output = createProcessOutput({ write: (text) => (said += text) });
  ended = output.take(process_);
});

test("lines that come while the start is shown come after it, all of them and in their order", async () => {
  process_.write("one\ntw");
  process_.end("o\nwithout an end");
  await ended;
  expect(said).toBe("");
  output.passOn();
  expect(said).toBe("one\ntwo\nwithout an end\n");
});

test("after the start each line is passed on as it comes, and none twice", async () => {
  output.passOn();
  output.passOn();
  process_.end("one\ntwo\n");
  await ended;
  expect(said).toBe("one\ntwo\n");
});
