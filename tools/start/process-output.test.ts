import { PassThrough, Readable, Writable } from "node:stream";
import { text } from "node:stream/consumers";
import { createProcessOutput, type ProcessOutput } from "./process-output";

let screen: PassThrough;
let output: ProcessOutput;
let process_: PassThrough;
let ended: Promise<void>;

beforeEach(() => {
  screen = new PassThrough();
  process_ = new PassThrough();
  output = createProcessOutput(screen);
  ended = output.take(process_);
});

test("lines that come while the start is shown come after it, all of them and in their order", async () => {
  process_.write("one\ntw");
  process_.end("o\nwithout an end");
  await ended;
  expect(screen.readableLength).toBe(0);
  output.passOn();
  expect(await text(screen.end())).toBe("one\ntwo\nwithout an end\n");
});

test("after the start each line is passed on as it comes, and none twice", async () => {
  output.passOn();
  output.passOn();
  process_.end("one\ntwo\n");
  await ended;
  expect(await text(screen.end())).toBe("one\ntwo\n");
});

// Fails when the error is nobody's: it would end the supervisor, and with it the system.
test("a reader of the output that has gone away ends nothing", async () => {
  const closed = new Writable({ write: (_chunk, _encoding, done) => done(new Error("EPIPE")) });
  const deaf = createProcessOutput(closed);
  deaf.passOn();
  await deaf.take(Readable.from(["one\n", "two\n"]));
  expect(closed.errored).toEqual(new Error("EPIPE"));
});
