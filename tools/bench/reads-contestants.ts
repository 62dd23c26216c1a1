import { writeFileSync } from "node:fs";
import { join } from "node:path";
import { projectRoot } from "../../runtime/project-root";
import { generateOrder } from "../publish/generate-order";
import { SEED } from "./bench-database";
import { builtWithGo, fromDebian } from "./programs";
import { readerCommand } from "./reader-command";
import type { ServerCommand } from "./servers";

/** A server that takes part, and what it answers: every order as it was published, or always the same text. */
export interface Contestant {
  readonly name: string;
  readonly server: ServerCommand;
  readonly answers: "the order" | (string & {});
  /** Other requests than for orders at random; measured with the first number of connections alone. */
  readonly asks?: "some unknown" | "conditionally" | "beside the cache";
}

export interface ContestantsOptions {
  readonly databaseUrl: string;
  readonly folder: string;
  readonly ordersFile: string;
  readonly say: (text: string) => void;
}

type Found = Contestant | { readonly name: string; readonly missing: string };

/** The reader as it is, and servers on one core that do the same or less. */
export function findContestants({ databaseUrl, folder, ordersFile, say }: ContestantsOptions): readonly Found[] {
  const firstOrder = generateOrder(SEED, 0);
  const readyPath = `/orders/${firstOrder.id}`;
  const onNode = (name: string, kind: string, answers: Contestant["answers"]): Contestant => {
    const server = join(projectRoot(), "dist/tools/bench/references/node-server.js");
    return { name, answers, server: { command: [process.execPath, server, kind, ordersFile], readyPath } };
  };
  const go = builtWithGo(join(projectRoot(), "tools/bench/references/map-of-bytes.go"), say);
  const nginx = fromDebian("nginx", "nginx-light", say);
  const reader: Contestant = { name: "reader", server: readerCommand(databaseUrl), answers: "the order" };
  return [
    reader,
    { ...reader, name: "reader, every tenth id unknown", asks: "some unknown" },
    { ...reader, name: "reader, the client has it already (304)", asks: "conditionally" },
    {
      ...{ name: "reader, from PostgreSQL (1 MiB of cache)", asks: "beside the cache", answers: "the order" },
      server: readerCommand(databaseUrl, 1),
    },
    onNode("node:http, 12 bytes", "fixed", "Hello world\n"),
    onNode("node:http, an order, the same headers", "order", String(firstOrder.bytes)),
    onNode("node:http, a Map of Buffers", "map", "the order"),
    onNode("Koa, a Buffer", "koa", String(firstOrder.bytes)),
    "missing" in go
      ? { name: "Go net/http, a map", ...go }
      : {
          name: "Go net/http, a map",
          answers: "the order",
          server: { command: [go.path, ordersFile], env: { ...process.env, GOMAXPROCS: "1" }, readyPath },
        },
    "missing" in nginx
      ? { name: "nginx, a static file", ...nginx }
      : {
          name: "nginx, a static file",
          answers: String(firstOrder.bytes),
          server: { ...nginxCommand(nginx.path, folder, firstOrder.bytes), readyPath },
        },
  ];
}

/** One process that sends the same file for every order, out of the page cache. */
function nginxCommand(nginx: string, folder: string, document: Uint8Array): Pick<ServerCommand, "command" | "url"> {
  const port = 18_600 + (process.pid % 400);
  writeFileSync(join(folder, "order.json"), document);
  writeFileSync(
    join(folder, "nginx.conf"),
    `daemon off; master_process off; pid ${folder}/nginx.pid; error_log stderr crit;
events { worker_connections 1024; }
http {
  access_log off; sendfile on; tcp_nopush on; keepalive_requests 100000000; open_file_cache max=10 inactive=1h;
  types { application/json json; }
  client_body_temp_path ${folder}; proxy_temp_path ${folder}; fastcgi_temp_path ${folder};
  uwsgi_temp_path ${folder}; scgi_temp_path ${folder};
  server { listen 127.0.0.1:${port}; root ${folder}; location /orders/ { rewrite ^ /order.json break; } }
}
`,
  );
  return { command: [nginx, "-p", folder, "-c", join(folder, "nginx.conf")], url: `http://127.0.0.1:${port}` };
}
