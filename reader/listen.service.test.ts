import { once } from "node:events";
import { type AddressInfo, connect, createServer, type Server } from "node:net";
import { pino } from "pino";
import { createTestDatabase, type TestDatabase } from "../e2e/support/test-database";
import { waitUntil } from "../e2e/support/wait-until";
import { listen } from "./listen";

let database: TestDatabase;
let door: Server;
beforeAll(async () => {
  database = await createTestDatabase();
});
afterEach(() => void door.close());
afterAll(() => database.drop());

/** A way to Postgres through which the first connections do not come. @returns the database's address behind it */
async function shutFor(first: number): Promise<string> {
  const url = new URL(database.readerUrl);
  const { hostname: host, port } = url;
  let came = 0;
  door = createServer((socket) => {
    came += 1;
    if (came <= first) return void socket.destroy();
    const postgres = connect(Number(port), host);
    for (const end of [socket, postgres]) end.on("error", () => {});
    socket.pipe(postgres).pipe(socket);
  }).listen(0, "127.0.0.1");
  await once(door, "listening");
  url.host = `127.0.0.1:${(door.address() as AddressInfo).port}`;
  return url.href;
}

test.each([
  ["is silent about one failure", 1, []],
  ["warns of the second", 2, ["reader.listen-lost", "reader.listen-recovered"]],
])("a listener that has not listened yet %s", async (_, failures, events) => {
  const said: unknown[] = [];
  const log = pino({}, { write: (line) => void said.push(JSON.parse(line).event) });
  const listener = listen({ databaseUrl: await shutFor(failures), log, onHint: () => {} });
  await waitUntil("it listens", () => listener.isListening());
  await listener.stop();
  expect(said).toEqual(events);
});
