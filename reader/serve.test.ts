import { once } from "node:events";
import { Agent, request } from "node:http";
import { connect } from "node:net";
import { rawRequest } from "../e2e/support/raw-request";
import { serve } from "./serve";

const anywhere = { host: "127.0.0.1", port: 0 };

describe("stopping", () => {
  test("lets a request finish that is being answered, and takes no more", async () => {
    let finish = (): void => {};
    let begun = (): void => {};
    const isBegun = new Promise<void>((resolve) => {
      begun = resolve;
    });
    const server = await serve((_, response) => {
      finish = () => response.end("whole");
      begun();
    }, anywhere);
    const answer = rawRequest(server.url, "/");
    await isBegun;
    const stopped = server.stop();
    await expect(rawRequest(server.url, "/")).rejects.toThrow("ECONNREFUSED");
    finish();
    expect((await answer).text).toBe("whole");
    await stopped;
  });

  test("does not wait for connections that are kept alive, idle or just used", async () => {
    const server = await serve((_, response) => response.end("ok"), anywhere);
    const agent = new Agent({ keepAlive: true });
    const [answer] = await once(request(server.url, { agent }).end(), "response");
    answer.resume();
    await once(answer, "end");
    const startedAt = performance.now();
    await server.stop();
    expect(performance.now() - startedAt).toBeLessThan(2_000);
    agent.destroy();
  });

  test("cuts off who has not finished after three seconds", async () => {
    const server = await serve(() => {}, anywhere);
    const { hostname, port } = new URL(server.url);
    const socket = connect(Number(port), hostname);
    socket.on("error", () => {});
    socket.write("GET / HTTP/1.1\r\nHost: x\r\n\r\n");
    await once(socket, "connect");
    // A cut may reach the client as a reset, which `once` would take for a failure.
    const closed = new Promise((resolve) => socket.once("close", resolve));
    await server.stop();
    await closed;
  });
});

test("a port that is taken is an error with its code", async () => {
  const server = await serve((_, response) => response.end(), anywhere);
  const port = Number(new URL(server.url).port);
  await expect(serve(() => {}, { host: "127.0.0.1", port })).rejects.toMatchObject({ code: "EADDRINUSE" });
  await server.stop();
});
