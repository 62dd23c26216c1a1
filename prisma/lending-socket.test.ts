import { once } from "node:events";
import { type AddressInfo, createServer } from "node:net";
import { LendingSocket } from "./lending-socket";

/** Has a socket read two pieces, the second after the first has been listened to. */
async function readTwo(isLending: boolean): Promise<readonly Buffer[]> {
  const server = createServer((peer) => peer.write("first") && peer.once("data", () => peer.end("other")));
  await once(server.listen(0, "127.0.0.1"), "listening");
  const socket = new LendingSocket();
  socket.isLending = isLending;
  const read: Buffer[] = [];
  socket.on("data", (piece) => {
    read.push(piece as Buffer);
    socket.write("go on");
  });
  socket.connect((server.address() as AddressInfo).port, "127.0.0.1");
  await once(socket, "end");
  server.close();
  return read;
}

// Fails when what was read is given as it is: `pg` keeps the beginning of a message that comes in two pieces.
test("what it has read may be kept", async () => {
  expect((await readTwo(false)).map(String)).toEqual(["first", "other"]);
});

test("what it lends is read over", async () => {
  expect((await readTwo(true)).map(String)).toEqual(["other", "other"]);
});
