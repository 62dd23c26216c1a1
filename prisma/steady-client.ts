import pg from "pg";

/**
 * A client of `pg` that lives through the loss of its connection at any moment. An error for which no query waits is an
 * event, and without a listener that ends the process. Pools hand a new connection out a moment before whoever asked for
 * it can listen: a server that ends it at once (57P01: stopped, killed, told to by an administrator) has its word in the
 * same packet. The next query on such a client fails with the same error.
 */
export class SteadyClient extends pg.Client {
  constructor(config?: string | pg.ClientConfig) {
    super(config);
    this.on("error", () => {});
  }
}
