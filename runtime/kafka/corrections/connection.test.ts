import { once } from "node:events";
import { type AddressInfo, connect, createServer, type Server, type Socket } from "node:net";
import { setTimeout as delay } from "node:timers/promises";
import { waitUntil } from "../../../e2e/support/wait-until";
import { Connection, ConnectionPool, Encoder } from "../internals";
import { PROMPT_ANSWER_MS } from "./connection";
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
  ...{ logger: quiet, requestTimeout, connectionTimeout: 30_000 },
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

test("an ended socket gathers no listeners, however often an outage has its connection closed", async () => {
  const connection = open(60_000);
  await connection.connect();
  const { socket } = connection;
  socket?.destroy();
  const before = socket?.listenerCount("connect");
  for (let failures = 0; failures < 20; failures++) await connection.disconnect();
  expect(socket?.listenerCount("connect")).toBe(before);
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

// Fails when each client finds out by itself: a dead letter would wait for 15 s after the consumer has gone on.
test("it ends the other clients' connections to the broker on which nothing is under way, and no others", async () => {
  const asking = new ConnectionPool(optionsOf(500));
  const idle = new ConnectionPool(optionsOf(60_000));
  const joining = new ConnectionPool(optionsOf(60_000));
  await Promise.all([idle.getConnection(0), joining.getConnection(0)]);
  void sendToPool(joining, JOIN_GROUP);
  await waitUntil("it joins", () => joining.pool[0]?.requestQueue.inflight.size === 1);
  expect(await sendToPool(asking, FETCH)).toBe("KafkaJSRequestTimeoutError");
  expect([idle, joining].map(({ pool }) => pool[0]?.isConnected())).toEqual([false, true]);
});

test("a heartbeat without an answer ends all connections as soon as it is of no use any more", async () => {
  const pool = new ConnectionPool(optionsOf(600_000));
  const fetching = sendToPool(pool, FETCH);
  expect(await sendToPool(pool, HEARTBEAT)).toBe("KafkaJSConnectionClosedError");
  expect(await fetching).toBe("KafkaJSConnectionClosedError");
});

/** A broker that answers a connection's requests in their order, as brokers do, each when it is let. */
async function startBroker(answer: (socket: Socket, apiKey: number, correlationId: number) => Promise<void>) {
  const broker = createServer((socket) => {
    let answered = Promise.resolve();
    socket
      .on("error", () => {})
      .on("data", (requests: Buffer) => {
        for (let at = 0; at < requests.length; at += 4 + requests.readInt32BE(at)) {
          const [apiKey, correlationId] = [requests.readInt16BE(at + 4), requests.readInt32BE(at + 8)];
          answered = answered.then(() => answer(socket, apiKey, correlationId));
        }
      });
  });
  broker.listen(0, "127.0.0.1");
  await once(broker, "listening");
  return { port: (broker.address() as AddressInfo).port, close: () => broker.close() };
}

/** The beginning of an answer, of a size that may be more than it has. */
function answerOf(correlationId: number, size: number, bytes: number): Buffer {
  const answer = Buffer.alloc(4 + bytes);
  answer.writeInt32BE(size, 0);
  answer.writeInt32BE(correlationId, 4);
  return answer;
}

test("a connection that ended in the middle of an answer can be used again (kafkajs reads the next ones wrongly)", async () => {
  let answers = 0;
  const broker = await startBroker(async (socket, _, correlationId) => {
    if (answers++ > 0) return void socket.write(answerOf(correlationId, 8, 8));
    socket.write(answerOf(correlationId, 1_000, 500), () => socket.end());
  });
  const connection = new Connection({ ...optionsOf(60_000), port: broker.port });
  await connection.connect();
  expect(await send(connection)).toBe("KafkaJSConnectionClosedError");
  await connection.connect();
  expect([await send(connection), await send(connection)]).toEqual(["answered", "answered"]);
  await connection.disconnect();
  broker.close();
});

test("a heartbeat that waits behind a join is no sign of a lost connection", async () => {
  const broker = await startBroker(async (socket, apiKey, correlationId) => {
    if (apiKey === JOIN_GROUP) await delay(PROMPT_ANSWER_MS + 500);
    socket.write(answerOf(correlationId, 8, 8));
  });
  const pool = new ConnectionPool({ ...optionsOf(60_000), port: broker.port });
  await pool.getConnection(0);
  const answers = [sendToPool(pool, JOIN_GROUP), sendToPool(pool, HEARTBEAT)];
  expect(await Promise.all(answers)).toEqual(["answered", "answered"]);
  await pool.destroy();
  broker.close();
});
