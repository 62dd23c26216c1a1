import { readFileSync } from "node:fs";
import { join } from "node:path";
import { projectRoot } from "./project-root";
import { readSettings, type SettingName, SettingsError, settingsTable } from "./settings";

const names = Object.keys(settingsTable) as SettingName[];
const databaseUrl = "postgresql://owner:secret-word@127.0.0.1:5432/orders";

function problemsOf(env: Record<string, string>, asked: readonly SettingName[] = names): readonly string[] {
  try {
    readSettings(asked, env);
  } catch (error) {
    if (error instanceof SettingsError) return error.problems;
    throw error;
  }
  return [];
}

test("every setting but the database has a default or may be absent", () => {
  expect(problemsOf({})).toEqual([expect.stringMatching(/^DATABASE_URL is missing: .*\.env\.example/)]);
  expect(problemsOf({ DATABASE_URL: databaseUrl })).toEqual([]);
});

test("values are read as what they mean", () => {
  const settings = readSettings(["KAFKA_BROKERS", "KAFKA_SSL", "READER_PORT", "READER_CACHE_MIB", "LOG_LEVEL"], {
    KAFKA_BROKERS: "one:9092, [::1]:9093",
    KAFKA_SSL: "true",
    READER_PORT: "0",
    READER_CACHE_MIB: "2",
    LOG_LEVEL: "warn",
  });
  expect(settings).toEqual({
    KAFKA_BROKERS: ["one:9092", "[::1]:9093"],
    KAFKA_SSL: true,
    READER_PORT: 0,
    READER_CACHE_MIB: 2_097_152,
    LOG_LEVEL: "warn",
  });
});

test("an empty variable counts as absent", () => {
  expect(readSettings(["READER_PORT", "REDIS_URL"], { READER_PORT: "", REDIS_URL: "" })).toEqual({ READER_PORT: 8080 });
});

test("only the settings that are asked for are read", () => {
  expect(readSettings(["READER_PORT"], { LOG_LEVEL: "nonsense" })).toEqual({ READER_PORT: 8080 });
});

test("all problems are told at once, in one message", () => {
  const env = { KAFKA_BROKERS: "nonsense", KAFKA_SSL: "yes", READER_PORT: "65536", LOG_LEVEL: "loud" };
  const problems = problemsOf(env);
  expect(problems).toEqual([
    expect.stringMatching(/^KAFKA_BROKERS must be host:port.*"nonsense"/),
    expect.stringMatching(/^KAFKA_SSL must be one of true, false.*"yes"/),
    expect.stringMatching(/^DATABASE_URL is missing/),
    expect.stringMatching(/^READER_PORT must be a whole number from 0 to 65535.*"65536"/),
    expect.stringMatching(/^LOG_LEVEL must be one of .*"loud"/),
  ]);
  expect(new SettingsError(problems).message).toBe(`5 settings cannot be used:\n  ${problems.join("\n  ")}`);
});

test.each(names)("%s repeats no password and refuses what it cannot use", (name) => {
  const problems = problemsOf({ [name]: "//user:secret-word\u0000@host" }, [name]);
  if (/URL|PASSWORD/.test(name)) expect(problems.join()).not.toContain("secret-word");
  if (!isText(name)) expect(problems).toEqual([expect.stringMatching(new RegExp(`^${name} must be`))]);
});

/** Settings that may be any text. */
function isText(name: SettingName): boolean {
  return /_(USERNAME|PASSWORD|TOPIC|GROUP|HOST)$/.test(name);
}

test.each(["127.0.0.1", "127.0.0.1:", ":9092", "host:port", "a:1,,b:2", "a b:1", "::1:9092"])(
  "%j are no brokers",
  (text) => {
    expect(problemsOf({ KAFKA_BROKERS: text }, ["KAFKA_BROKERS"])).toHaveLength(1);
  },
);

test.each(["mysql://host/orders", "127.0.0.1:5432", "postgresql"])("%j is no address of the database", (text) => {
  expect(problemsOf({ DATABASE_URL: text }, ["DATABASE_URL"])).toEqual([
    "DATABASE_URL must be a URL that begins with postgres:// or postgresql://",
  ]);
});

test.each(["-1", "1.5", "1e3", " 80", "0x50", "eighty"])("%j is no port", (text) => {
  expect(problemsOf({ READER_PORT: text }, ["READER_PORT"])).toHaveLength(1);
});

test(".env.example lists every setting with its default and its meaning", () => {
  const entries = names.map((name) => {
    const { default: fallback, description } = settingsTable[name] as { default?: unknown; description: string };
    const necessity = typeof fallback === "symbol" ? " (required)" : "";
    return `# ${description}${necessity}\n${name}=${typeof fallback === "string" ? fallback : ""}\n`;
  });
  const example = readFileSync(join(projectRoot(), ".env.example"), "utf8");
  const [introduction = "", ...rest] = example.split(/(?<=\n)\n/);
  expect(introduction).toMatch(/^(#.*\n)+$/);
  expect(rest.filter((entry) => !entry.startsWith("# docker compose alone: "))).toEqual(entries);
});
