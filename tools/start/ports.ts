import { createServer } from "node:net";
import { type Home, readObject, writeWhole } from "./home";
import { claimPort, forgetDeadClaims, releasePort } from "./port-claims";
import type { Steps } from "./steps";

/**
 * Chooses a port for each part of a local system: the one that it had last time, else its usual one, else the next
 * that is free. A choice is remembered in the home, so that addresses stay the same from start to start.
 */
export interface Ports {
  /** @param wish a port that was asked for and goes before what is remembered; 0 for none */
  choose(part: string, usual: number, wish?: number): Promise<number>;
  /** Lets other systems have them, once nothing listens on them any more. */
  release(): void;
}

/** @param anyPorts any free port will do where nothing is remembered: for systems beside the usual one, as tests have. */
export function createPorts(home: Home, steps: Steps, anyPorts: boolean): Ports {
  const file = home.path("ports.json");
  const remembered = readObject(file);
  const chosen = new Set<number>();
  forgetDeadClaims();

  const isFree = async (port: number): Promise<boolean> =>
    !chosen.has(port) && (await canListen(port)) === port && claimPort(port);

  return {
    async choose(part, usual, wish) {
      const last = remembered[part];
      let port = wish || (typeof last === "number" ? last : anyPorts ? await canListen(0) : usual);
      const wished = port;
      while (port === undefined || !(await isFree(port))) {
        port = anyPorts || port === undefined || port >= 65_535 ? await canListen(0) : port + 1;
      }
      if (port !== wished && (wish || !anyPorts)) steps.say(`  port ${wished} is taken: ${part} listens on ${port}`);
      else if (port !== usual && !wish && !anyPorts) {
        steps.say(`  ${part} listens on ${port} instead of ${usual}, as at the last start (${file} remembers it)`);
      }
      chosen.add(port);
      remembered[part] = port;
      writeWhole(file, `${JSON.stringify(remembered, null, 2)}\n`);
      return port;
    },
    release() {
      for (const port of chosen) releasePort(port);
      chosen.clear();
    },
  };
}

/** The port if it can be listened on (for 0: the one that the system gave), otherwise nothing. */
function canListen(port: number): Promise<number | undefined> {
  return new Promise((resolve) => {
    const server = createServer();
    server.once("error", () => resolve(undefined));
    server.listen({ port, host: "127.0.0.1", exclusive: true }, () => {
      const address = server.address();
      server.close(() => resolve(typeof address === "object" && address ? address.port : undefined));
    });
  });
}
