import { type Connection, openConnection } from "./open-connection";

/**
 * A single connection for as long as a process runs: opened with its first use, and given up with its end and after
 * whatever goes wrong on it. The next use opens another one.
 */
export interface LastingConnection {
  /** @throws what the work throws, or the error of a connection that cannot be had */
  use<T>(work: (connection: Connection) => Promise<T>): Promise<T>;
  /** Asks something, if it is open, and gives it up without an answer. Never fails. */
  check(): Promise<void>;
  /** A use after it opens another one. Never fails. */
  close(): Promise<void>;
}

/** Takes what `openConnection` takes. */
export function createLastingConnection(...options: Parameters<typeof openConnection>): LastingConnection {
  let opening: Promise<Connection> | undefined;
  const giveUp = async (given: Promise<Connection> | undefined): Promise<void> => {
    // Several uses fail with their connection; the first of them may have opened another one by now.
    if (opening === given) opening = undefined;
    await given?.then(
      ({ close }) => close(),
      () => {},
    );
  };
  const open = (): Promise<Connection> => {
    const opened = openConnection(...options);
    // One that ends between two uses shall not fail the next one.
    opened.then(
      ({ client }) => client.once("end", () => void giveUp(opened)),
      () => {},
    );
    return opened;
  };
  const use = async <T>(work: (connection: Connection) => Promise<T>): Promise<T> => {
    opening ??= open();
    const used = opening;
    try {
      return await work(await used);
    } catch (error) {
      await giveUp(used);
      throw error;
    }
  };
  return {
    use,
    check: async () => {
      if (opening) await use(({ ask }) => ask("SELECT")).catch(() => {});
    },
    close: () => giveUp(opening),
  };
}
