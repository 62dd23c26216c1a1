import { existsSync, readFileSync, statfsSync } from "node:fs";
import { dirname, join } from "node:path";
import { projectRoot } from "../../runtime/project-root";
import { canConnect } from "../start/kafka-answers";
import { type Finding, orWell, unwell, well } from "./finding";

/** PostgreSQL's checkpoints and Kafka's segments want this much beside the data: a broker that runs full ends itself. */
const FREE_MB = 1_000;

/** What `npm start` listens on unless told otherwise. */
const usualPorts = { Kafka: 9092, PostgreSQL: 5432, reader: 8080, ingestor: 8081 } as const;

/** Node is new enough, or nobody would have come here: prepare.mjs looks at it before anything else runs. */
export function checkNode(): Finding {
  return well("node", `Node ${process.versions.node}; package.json wants ${manifest().engines.node}`);
}

/** Compares each package that package.json names with the one that is installed. */
export function checkPackages(root: string = projectRoot()): readonly Finding[] {
  const { dependencies, devDependencies } = manifest(root);
  const wanted = Object.entries({ ...dependencies, ...devDependencies });
  const wrong = wanted.flatMap(([name, version]) => {
    const file = join(root, "node_modules", name, "package.json");
    const found = existsSync(file)
      ? (JSON.parse(readFileSync(file, "utf8")) as { version: string }).version
      : "missing";
    return found === version ? [] : [`${name} is ${found}, not ${version}`];
  });
  if (wrong.length === 0) return [well("packages", `${wanted.length} packages are those of package.json`)];
  return [unwell("packages", wrong.join(", "), "npm ci")];
}

/** @param neededMb so much has to be free on the disk of `folder`, which need not exist yet */
export function checkDisk(folder: string, neededMb = FREE_MB): Finding {
  let place = folder;
  while (!existsSync(place)) place = dirname(place);
  const { bavail, bsize } = statfsSync(place);
  const free = Math.floor((bavail * bsize) / 1e6);
  const what = `${free.toLocaleString("en")} MB are free on the disk of ${folder}`;
  if (free >= neededMb) return well("disk", what);
  const mend = `make room, at least ${neededMb.toLocaleString("en")} MB; deploy/RUNBOOK.md, "A full disk"`;
  return unwell("disk", what, mend);
}

/** Where nothing runs yet. A port that is taken is no harm, but it is good to know. */
export async function checkUsualPorts(): Promise<readonly Finding[]> {
  const taken: string[] = [];
  for (const [part, port] of Object.entries(usualPorts)) {
    if (await canConnect(port)) taken.push(`${port} (${part})`);
  }
  if (taken.length === 0) return orWell([], "ports", `${Object.values(usualPorts).join(", ")} are free`);
  return [well("ports", `somebody listens on ${taken.join(", ")}: npm start takes the next free ones`)];
}

interface Manifest {
  readonly engines: { readonly node: string };
  readonly dependencies: Readonly<Record<string, string>>;
  readonly devDependencies: Readonly<Record<string, string>>;
}

function manifest(root: string = projectRoot()): Manifest {
  return JSON.parse(readFileSync(join(root, "package.json"), "utf8")) as Manifest;
}
