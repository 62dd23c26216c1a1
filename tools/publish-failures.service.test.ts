import { rmSync } from "node:fs";
import { join } from "node:path";
import { waitUntil } from "../e2e/support/wait-until";
import { generateOrders } from "./publish/generate-order";
import { file, folder, lastLine, publish, start, withTopic } from "./publish/test-support";

test("a record that Kafka refuses is named and costs its neighbours nothing", () =>
  withTopic(
    async ({ name, read }) => {
      const [one, large, two] = ['{"order_uid":"one"}', `{"order_uid":"large","x":"${"x".repeat(300_000)}"}`, "2"];
      const path = file("large.ndjson", [one, large, two].join("\n"));
      const { code, stdout, stderr } = await publish(["--json", "--topic", name, path]);
      expect(code).toBe(1);
      expect(lastLine(stdout)).toEqual({ sent: 2, failed: 1, ids: ["one"] });
      expect(stderr).toMatch(/not sent: #1 \(large\): .*larger than/);
      expect((await read()).map(({ value }) => value?.toString())).toEqual([one, two]);
    },
    { "max.message.bytes": "100000" },
  ));

test("Ctrl-C, passed on twice by npm, ends with what was acknowledged so far", () =>
  withTopic(async ({ name, count }) => {
    const { child, ended } = start(["--generate", "1000000", "--rate", "200", "--json", "--topic", name]);
    await waitUntil("the first records", async () => (await count()) > 20);
    child.kill("SIGINT");
    child.kill("SIGINT");
    const { code, stdout, stderr } = await ended;
    const sent = await count();
    expect(code).toBe(1);
    expect(lastLine(stdout)).toMatchObject({ sent, failed: 1_000_000 - sent });
    expect(stderr).toContain("stopped before the end");
  }));

test("a dry run sends nothing and needs no Kafka", async () => {
  const wish = { count: 2, seed: 1 };
  const env = { KAFKA_BROKERS: "127.0.0.1:1" };
  const { code, stdout } = await publish(["--generate", "2", "--seed", "1", "--dry-run"], { env });
  expect(code).toBe(0);
  expect(stdout.trim().split("\n")).toEqual([...generateOrders(wish)].map(({ id }) => id));
});

test("a broker that is not there is told once, with the way out, and ends the command with 1", async () => {
  const { code, stdout, stderr } = await publish(["--sample", "--json"], { env: { KAFKA_BROKERS: "127.0.0.1:1" } });
  expect(code).toBe(1);
  expect(lastLine(stdout)).toEqual({ sent: 0, failed: 1, ids: [] });
  expect(stderr.match(/cannot reach Kafka at 127\.0\.0\.1:1\b/g)).toHaveLength(1);
  expect(stderr).toContain("npm start");
  expect(stderr.trim().split("\n")).toHaveLength(3);
});

test("a topic that is not there is told", async () => {
  const { code, stderr } = await publish(["--sample", "--topic", "there-is-none"]);
  expect(code).toBe(1);
  expect(stderr).toContain('no topic "there-is-none"');
});

test("where the environment is silent, the local system's addresses are used", () =>
  withTopic(async ({ name, count }) => {
    file("env", `KAFKA_BROKERS=${process.env["TEST_KAFKA_BROKERS"]}\nKAFKA_TOPIC=there-is-none\n`);
    const { code } = await publish(["--sample"], { env: { KAFKA_BROKERS: "", KAFKA_TOPIC: name } });
    rmSync(join(folder, "env"));
    expect(code).toBe(0);
    expect(await count()).toBe(1);
  }));

test.each([
  [["--sample", "--what"], "unknown option '--what'"],
  [["no-such-file.json"], "cannot publish no-such-file.json: ENOENT"],
  [["-"], "cannot publish standard input: it is empty"],
  [[], "nothing to publish"],
])("%j is used wrongly: code 2, and nothing but the reason", async (args, reason) => {
  const { code, stdout, stderr } = await publish(["--json", ...args]);
  expect({ code, stdout }).toEqual({ code: 2, stdout: "" });
  expect(stderr).toContain(reason);
});

test("a malformed setting is used wrongly too", async () => {
  const { code, stderr } = await publish(["--sample"], { env: { KAFKA_BROKERS: "nonsense" } });
  expect(code).toBe(2);
  expect(stderr).toContain("KAFKA_BROKERS");
});

test("--help lists every option and the forms of files", async () => {
  const { code, stdout } = await publish(["--help"]);
  expect(code).toBe(0);
  for (const word of ["--sample", "--generate", "--bad", "--dry-run", "NDJSON", "byte for byte"]) {
    expect(stdout).toContain(word);
  }
});
