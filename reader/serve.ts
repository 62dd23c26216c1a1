import { createServer, type RequestListener, type Server } from "node:http";
import type { AddressInfo } from "node:net";

export interface HttpServer {
  /** `http://host:port`, with the port that was given by the system where 0 was asked for. */
  readonly url: string;
  /** Takes no more connections, lets requests finish for a moment, then closes what is left. */
  stop(): Promise<void>;
}

/** A client that has not sent its request's head in this time is cut off, so that slow ones cannot hold all sockets. */
const HEADERS_TIMEOUT_MS = 10_000;
const REQUEST_TIMEOUT_MS = 20_000;
/** Longer than the minute after which load balancers drop idle connections: the one who waits longer meets no reset. */
const KEEP_ALIVE_TIMEOUT_MS = 65_000;
const FINISH_WITHIN_MS = 3_000;
const LOOK_FOR_IDLE_EVERY_MS = 50;

/**
 * Serves HTTP.
 *
 * @throws the system's error when it cannot listen there, such as EADDRINUSE
 */
export async function serve(
  listener: RequestListener,
  { host, port }: { host: string; port: number },
): Promise<HttpServer> {
  const server = createServer(
    { requestTimeout: REQUEST_TIMEOUT_MS, keepAliveTimeout: KEEP_ALIVE_TIMEOUT_MS },
    listener,
  );
  server.headersTimeout = HEADERS_TIMEOUT_MS;
  await new Promise<void>((resolve, reject) => {
    server.once("error", reject);
    server.listen(port, host, () => {
      server.removeListener("error", reject);
      resolve();
    });
  });
  const { address, family, port: actualPort } = server.address() as AddressInfo;
  return {
    url: `http://${family === "IPv6" ? `[${address}]` : address}:${actualPort}`,
    stop: () => stopServer(server),
  };
}

async function stopServer(server: Server): Promise<void> {
  const closed = new Promise<void>((resolve) => server.close(() => resolve()));
  // A connection becomes idle when its request is finished; it would then be kept alive for another minute.
  const closeIdle = setInterval(() => server.closeIdleConnections(), LOOK_FOR_IDLE_EVERY_MS);
  const closeAll = setTimeout(() => server.closeAllConnections(), FINISH_WITHIN_MS);
  await closed;
  clearInterval(closeIdle);
  clearTimeout(closeAll);
}
