import { type AddressInfo, connect, createServer, type Socket } from "node:net";
import type { Transform } from "node:stream";

export interface HalfOpenProxy {
  /** The same URL, by way of the proxy. */
  readonly url: string;
  /** Connections that are open now fall silent and stay open; those that come later are as before, unless `alsoNew`. */
  fallSilent(options?: { alsoNew?: boolean }): void;
  /** All connections break, and later ones too: as when the server is down. */
  refuse(): void;
  /** Later connections pass again; the silent ones stay silent, as after a network that has forgotten them. */
  recover(): void;
  close(): Promise<void>;
}

/** What goes through a connection goes through these. */
export interface ProxyFilters {
  readonly toServer?: Transform;
  readonly toClient?: Transform;
}

/**
 * Stands between a client and a server and can do what a broken network does: keep sockets open and say nothing.
 *
 * @param makeFilters made for each connection, which they may `cut`
 */
export async function startHalfOpenProxy(
  serverUrl: string,
  makeFilters: (cut: () => void) => ProxyFilters = () => ({}),
): Promise<HalfOpenProxy> {
  const server = new URL(serverUrl);
  const pairs = new Set<readonly [Socket, Socket | undefined]>();
  let newAreSilent = false;
  let newAreRefused = false;

  const proxy = createServer((client) => {
    client.on("error", () => {});
    if (newAreRefused) {
      client.destroy();
      return;
    }
    if (newAreSilent) {
      pairs.add([client, undefined]);
      return;
    }
    const upstream = connect(Number(server.port), server.hostname);
    upstream.on("error", () => client.destroy());
    client.on("error", () => upstream.destroy());
    const { toServer, toClient } = makeFilters(() => client.destroy());
    (toServer ? client.pipe(toServer) : client).pipe(upstream);
    (toClient ? upstream.pipe(toClient) : upstream).pipe(client);
    const pair = [client, upstream] as const;
    pairs.add(pair);
    client.on("close", () => {
      upstream.destroy();
      pairs.delete(pair);
    });
  });
  await new Promise<void>((resolve) => proxy.listen(0, "127.0.0.1", resolve));
  const url = new URL(serverUrl);
  url.hostname = "127.0.0.1";
  url.port = String((proxy.address() as AddressInfo).port);
  return {
    url: url.href,
    fallSilent({ alsoNew = false } = {}) {
      newAreSilent = alsoNew;
      for (const [client, upstream] of pairs) {
        client.unpipe();
        upstream?.unpipe();
        client.pause();
        upstream?.pause();
      }
    },
    refuse() {
      newAreRefused = true;
      for (const pair of pairs) for (const socket of pair) socket?.destroy();
    },
    recover() {
      newAreSilent = false;
      newAreRefused = false;
    },
    close() {
      for (const pair of pairs) for (const socket of pair) socket?.destroy();
      return new Promise((resolve) => proxy.close(() => resolve()));
    },
  };
}
