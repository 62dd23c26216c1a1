import { once } from "node:events";
import { createServer, type ServerResponse } from "node:http";
import { type AddressInfo, connect } from "node:net";
import { createKnownHead, sendWhole } from "./known-head";
import type { ReadyOrder } from "./order-cache";

const orderOf = (tag: string, text: string): ReadyOrder => ({ etag: `"${tag}"`, body: Buffer.from(text) });
const orders = [orderOf("a", "{}"), orderOf("b".repeat(64), "ж".repeat(500)), orderOf("", "")];

const valuesOf = ({ etag, body }: ReadyOrder): [string, string] => [etag, String(body.length)];

const writeHead = (response: ServerResponse, { etag, body }: ReadyOrder): ServerResponse =>
  response.writeHead(200, { "X-Before": "1", ETag: etag, "X-Between": "1", "Content-Length": body.length });

/** Answers as the lane does, with a clock that stands still, and tells where each head is from. */
async function startServer() {
  const clock = { now: 5_000 };
  const knownHead = createKnownHead(["ETag", "Content-Length"], () => clock.now);
  const from: string[] = [];
  const server = createServer((request, response) => {
    const order = orders[Number(request.url?.slice(1))] ?? orderOf("?", "?");
    const head = request.headers["x-plain"] ? undefined : knownHead.of(...valuesOf(order));
    from.push(head === undefined ? "Node" : "known");
    if (head !== undefined) {
      sendWhole(response, head, order.body);
      return;
    }
    writeHead(response, order);
    if (!request.headers["x-plain"]) knownHead.learn(response, ...valuesOf(order));
    response.end(order.body);
  });
  await once(server.listen(0, "127.0.0.1"), "listening");
  const { port } = server.address() as AddressInfo;

  /** All bytes of the answers to requests that are sent one after the other, with Node's own clock taken out. */
  const ask = async (requests: readonly string[]): Promise<string> => {
    const socket = connect(port, "127.0.0.1").setEncoding("latin1");
    let all = "";
    for (const request of requests) {
      socket.write(`GET ${request}\r\nHost: x\r\n\r\n`);
      let answer = "";
      while (!/\r\n\r\n/.test(answer) || answer.length < lengthOf(answer)) {
        answer += (await once(socket, "data"))[0];
      }
      all += answer;
    }
    socket.destroy();
    return all.replace(/^Date: .*$/gm, "Date:");
  };
  return { clock, from, ask, stop: () => new Promise((resolve) => server.close(resolve)) };
}

function lengthOf(answer: string): number {
  return answer.indexOf("\r\n\r\n") + 4 + Number(/Content-Length: (\d+)/.exec(answer)?.[1]);
}

let server: Awaited<ReturnType<typeof startServer>>;
beforeEach(async () => {
  server = await startServer();
});
afterEach(() => server.stop());

describe("a known head", () => {
  test("is what Node would have written, for every order", async () => {
    await server.ask(["/0 HTTP/1.1"]);
    const known = await server.ask(["/0 HTTP/1.1", "/1 HTTP/1.1", "/2 HTTP/1.1", "/0 HTTP/1.1"]);
    expect(server.from).toEqual(["Node", "known", "known", "known", "known"]);
    const plain = ["/0", "/1", "/2", "/0"].map((path) => `${path} HTTP/1.1\r\nX-Plain: 1`);
    expect(known).toBe(await server.ask(plain));
  });

  test("is forgotten when Date would tell another second, whichever way the clock goes", async () => {
    for (const now of [5_000, 5_999, 6_000, 6_001, 5_999, 5_999]) {
      server.clock.now = now;
      await server.ask(["/1 HTTP/1.1"]);
    }
    expect(server.from).toEqual(["Node", "known", "Node", "known", "Node", "known"]);
  });

  test.each([
    ["no text", { bytes: 1 }],
    ["without a tag", "HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\n"],
    ["without a length", 'HTTP/1.1 200 OK\r\nETag: "a"\r\n\r\n'],
    ["with its headers the other way round", 'HTTP/1.1 200 OK\r\nContent-Length: 2\r\nETag: "a"\r\n\r\n'],
    ["of another order", 'HTTP/1.1 200 OK\r\nETag: "ab"\r\nContent-Length: 2\r\n\r\n'],
  ])("is not learned from a head that is %s", (_, _header) => {
    const knownHead = createKnownHead(["ETag", "Content-Length"]);
    knownHead.learn({ _header } as unknown as ServerResponse, '"a"', "2");
    expect(knownHead.of('"a"', "2")).toBeUndefined();
  });
});
