import { once } from "node:events";
import { type AddressInfo, connect, createServer, type Server, type Socket } from "node:net";
import { waitUntil } from "../../../e2e/support/wait-until";
import { Connection, ConnectionPool, Encoder } from "../internals";
import { installCorrections } from "./install";

installCorrections();

const quiet = { debug: () => {}, error: () => {}, warn: () => {}, info: () => {}, namespace: () => quiet };
let server: Server;
const accepted: Socket[] = [];

beforeAll(async () => {
  // It takes whatever it is sent, and says nothing: what a half-open connection and a frozen broker look like.
  server = createServer((socket) => accepted.push(socket.resume()));
  server.listen(0, "127.0.0.1");
  await once(server, "listening");
});

afterAll(() => {
  for (const socket of accepted) socket.destroy();
  server.close();
});

const optionsOf = (requestTimeout: number) => ({
  ...{ host: "127.0.0.1", port: (server.address() as AddressInfo).port },
  ...{ logger: quiet, requestTimeout, connectionTimeout: 1_000 },
  socketFactory: ({ host, port, onConnect }: { host: string; port: number; onConnect: () => void }) =>
    connect({ host, port }, onConnect),
});
const open = (requestTimeout: number): Connection => new Connection(optionsOf(requestTimeout));

const request = { apiKey: 18, apiVersion: 0, apiName: "ApiVersions", encode: async () => new Encoder() };
const response = { decode: async () => ({}), parse: async () => ({}) };

/** Sends a request that nobody answers, and gives the name of the error that it ends with. */
function send(connection: Connection, requestTimeout?: number): Promise<string> {
  return connection.send({ request, response, requestTimeout }).then(
    () => "answered",
    (error: Error) => error.name,
  );
}

test("a request that is not answered in time ends its connection, and those that wait on it (kafkajs goes on with it)", async () => {
  const connection = open(50);
  await connection.connect();
  const waiting = send(connection, 60_000);
  expect(await send(connection)).toBe("KafkaJSRequestTimeoutError");
  expect(await waiting).toBe("KafkaJSConnectionClosedError");
  expect(connection.isConnected()).toBe(false);
  const [socket] = accepted;
  if (!socket?.closed) await once(socket as Socket, "close");
});

test("it can be connected again, and is given up again", async () => {
  const connection = open(50);
  await connection.connect();
  expect(await send(connection)).toBe("KafkaJSRequestTimeoutError");
  await connection.connect();
  expect(connection.isConnected()).toBe(true);
  expect(await send(connection)).toBe("KafkaJSRequestTimeoutError");
  expect(connection.isConnected()).toBe(false);
});

const [FETCH, JOIN_GROUP, HEARTBEAT] = [1, 11, 12];

/** The same by a pool, which has a connection for fetches and one for all else. */
function sendToPool(pool: ConnectionPool, apiKey: number, requestTimeout?: number): Promise<string> {
  return pool.send(Object.assign({ request: { ...request, apiKey }, response, requestTimeout })).then(
    () => "answered",
    (error: Error) => error.name,
  );
}

test("an answer that does not come in time ends the broker's other connection too (their time-outs would add up)", async () => {
  const pool = new ConnectionPool(optionsOf(500));
  const joining = sendToPool(pool, JOIN_GROUP, 600_000);
  await waitUntil("it is connected", () => pool.pool[0]?.isConnected());
  expect(await sendToPool(pool, FETCH)).toBe("KafkaJSRequestTimeoutError");
  expect(await joining).toBe("KafkaJSConnectionClosedError");
  expect(pool.pool.map((connection) => connection.isConnected())).toEqual([false, false]);
});

test("a heartbeat without an answer ends all connections as soon as it is of no use any more", async () => {
  const pool = new ConnectionPool(optionsOf(600_000));
  const fetching = sendToPool(pool, FETCH);
  expect(await sendToPool(pool, HEARTBEAT)).toBe("KafkaJSConnectionClosedError");
  expect(await fetching).toBe("KafkaJSConnectionClosedError");
});
