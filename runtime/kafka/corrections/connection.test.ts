import { once } from "node:events";
import { type AddressInfo, connect, createServer, type Server, type Socket } from "node:net";
import { Connection, Encoder } from "../internals";
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

function open(requestTimeout: number): Connection {
  const { port } = server.address() as AddressInfo;
  return new Connection({
    ...{ host: "127.0.0.1", port, logger: quiet, requestTimeout, connectionTimeout: 1_000 },
    socketFactory: ({ host, port, onConnect }: { host: string; port: number; onConnect: () => void }) =>
      connect({ host, port }, onConnect),
  });
}

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
