import { readFileSync } from "node:fs";
import { join } from "node:path";
import type { KafkaMessage } from "kafkajs";
import { projectRoot } from "../runtime/project-root";
import { breakSome, isBroken } from "./publish/broken-records";
import { generateOrders } from "./publish/generate-order";
import { file, lastLine, publish, withTopic } from "./publish/test-support";

const values = (messages: readonly KafkaMessage[]) => messages.map(({ value }) => value?.toString("latin1"));
const keys = (messages: readonly KafkaMessage[]) => messages.map(({ key }) => key?.toString());

test("the sample arrives byte for byte under its order's id", () =>
  withTopic(async ({ name, read }) => {
    expect(await publish(["--sample", "--topic", name])).toMatchObject({ code: 0, stdout: "b563feb7b2b84b6test\n" });
    const messages = await read();
    expect(messages.map(({ value }) => value)).toEqual([
      readFileSync(join(projectRoot(), "ingestor/order-example.json")),
    ]);
    expect(keys(messages)).toEqual(["b563feb7b2b84b6test"]);
  }));

test("files and standard input arrive in their order with every byte that was written", () =>
  withTopic(async ({ name, read }) => {
    const order = '\r\n {\t"order_uid" : "spaced",\r\n "n": 1.0 } \r\n\r\n';
    const rubbish = Buffer.from([0x00, 0xff, 0x0d, 0x0a]);
    const { code, stdout } = await publish(
      [
        ...["--json", "--topic", name, file("order.json", order), file("rubbish", rubbish)],
        ...[file("array.json", '[ {"order_uid": "a"} ,\n1.0 ]'), "-", file("empty", "")],
      ],
      { input: '{"order_uid":"x"}\r\n\r\nrubbish\n{"order_uid":"y"}' },
    );
    expect(code).toBe(0);
    expect(stdout).toBe('{"sent":8,"failed":0,"ids":["spaced","a","x","y"]}\n');
    const messages = await read();
    const expected = [order, rubbish.toString("latin1"), '{"order_uid": "a"}', "1.0"];
    expect(values(messages)).toEqual([...expected, '{"order_uid":"x"}', "rubbish", '{"order_uid":"y"}', ""]);
    expect(keys(messages)).toEqual(["spaced", undefined, "a", undefined, "x", undefined, "y", undefined]);
  }));

test.each(["", "another"])("the key %j is every record's key", (key) =>
  withTopic(async ({ name, read }) => {
    expect((await publish(["--sample", "--generate", "2", "--key", key, "--topic", name])).code).toBe(0);
    expect(keys(await read())).toEqual([key, key, key]);
  }),
);

test.each(["none", "gzip", "snappy", "lz4", "zstd"])("generated orders arrive in the codec %s", (codec) =>
  withTopic(async ({ name, read }) => {
    const args = ["--generate", "1500", "--seed", "4", "--bad", "0.02", "--codec", codec, "--topic", name, "--json"];
    const { code, stdout } = await publish(args);
    expect(code).toBe(0);
    const wanted = [...breakSome(generateOrders({ count: 1_500, seed: 4 }), { share: 0.02, seed: 4 })];
    const ids = wanted.filter((record) => !isBroken(record)).map(({ id }) => id);
    expect(lastLine(stdout)).toEqual({ sent: 1_500, failed: 0, ids });
    expect(ids).toHaveLength(1_470);
    const messages = await read();
    expect(keys(messages)).toEqual(wanted.map(({ id }) => id));
    expect(messages.every(({ value }, at) => wanted[at]?.bytes?.equals(value ?? Buffer.alloc(0)) ?? !value)).toBe(true);
  }),
);
