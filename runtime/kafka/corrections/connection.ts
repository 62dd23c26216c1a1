import { KafkaJSRequestTimeoutError } from "kafkajs";
import { apiKeys, Connection, ConnectionPool, KafkaJSConnectionClosedError } from "../internals";

/**
 * Brokers answer these without waiting for anybody, once they come to them: a connection's requests are answered in their
 * order. Later than that the answer to a heartbeat is worth nothing: it is the shortest session that brokers allow. A
 * broker that is slower is asked again, on a new connection.
 */
export const PROMPT_ANSWER_MS = 6_000;
const promptRequests: ReadonlySet<number> = new Set([
  ...[apiKeys.Metadata, apiKeys.GroupCoordinator, apiKeys.Heartbeat, apiKeys.ApiVersions],
]);

/**
 * A request that is not answered in time ends its connection, as in Kafka's own clients. kafkajs gives up the request
 * alone and sends the next one on the same connection: if that is half open, one request after the other waits for its
 * time-out, until the system's TCP gives the connection up after a quarter of an hour, and a consumer that looks healthy
 * consumes nothing. Whoever sends next connects anew.
 *
 * What one connection to a broker has shown is true of the other as well, and of those of the process's other clients on
 * which nothing is under way: a network forgets them together. Without that the time-outs of an outage add up, one
 * connection after the other.
 *
 * And what an ended connection has read of an answer is forgotten: kafkajs takes it for the beginning of the next one's.
 * And at every further failure of an outage kafkajs says goodbye to the ended socket anew, which adds a listener each time.
 */
export function correctConnection(): void {
  const { connect, disconnect, send } = Connection.prototype;
  Connection.prototype.connect = function () {
    if (!this.isConnected()) forgetHalfAnAnswer(this);
    return connect.call(this);
  };
  Connection.prototype.disconnect = async function () {
    await disconnect.call(this);
    // It will not connect any more. The socket itself stays: a request that is being encoded is still written to it.
    if (this.socket?.destroyed) this.socket.removeAllListeners("connect");
    return true;
  };
  Connection.prototype.send = async function (exchange) {
    try {
      return await send.call(this, exchange);
    } catch (error) {
      if (error instanceof KafkaJSRequestTimeoutError) giveUp(this);
      throw error;
    }
  };
  const { send: sendToPool, getConnection } = ConnectionPool.prototype;
  ConnectionPool.prototype.getConnection = async function (index) {
    const connection = await getConnection.call(this, index);
    remember(this);
    return connection;
  };
  ConnectionPool.prototype.send = async function (exchange) {
    const giveUpAll = (): void => {
      for (const connection of this.pool) giveUp(connection);
      for (const { host, port, pool } of pools) {
        const isSame = host === this.host && port === this.port;
        for (const connection of isSame ? pool : [])
          if (connection.requestQueue.inflight.size === 0) giveUp(connection);
      }
    };
    let deadline: NodeJS.Timeout | undefined;
    const wait = (): void => {
      deadline = setTimeout(() => (isBehindAnother(this) ? wait() : giveUpAll()), PROMPT_ANSWER_MS);
    };
    if (promptRequests.has(exchange.request.apiKey)) wait();
    try {
      return await sendToPool.call(this, exchange);
    } catch (error) {
      if (error instanceof KafkaJSRequestTimeoutError) giveUpAll();
      throw error;
    } finally {
      clearTimeout(deadline);
    }
  };
}

/** Of all clients, those that have a connection. */
const pools = new Set<ConnectionPool>();

/** A pool is not told that nobody uses it any more: that is the case without any connection. */
function remember(pool: ConnectionPool): void {
  if (pools.has(pool)) return;
  for (const each of pools) if (!each.pool.some((connection) => connection.isConnected())) pools.delete(each);
  pools.add(pool);
}

/** Whether the broker may be busy with a request that waits by design (a join, a produce): it has its own time-out. */
function isBehindAnother({ pool: [forAllButFetches] }: ConnectionPool): boolean {
  const sent = [...(forAllButFetches?.requestQueue.inflight.values() ?? [])];
  return sent.some(({ entry }) => !promptRequests.has(entry.apiKey));
}

const BYTES_OF_A_SIZE = 4;

function forgetHalfAnAnswer(connection: Connection): void {
  connection.chunks = [];
  connection.bytesBuffered = 0;
  connection.bytesNeeded = BYTES_OF_A_SIZE;
}

/** Ends a connection and whatever waits on it; whoever sends next connects anew. */
export function giveUp(connection: Connection): void {
  const { socket } = connection;
  if (!connection.isConnected()) return;
  connection.rejectRequests(new KafkaJSConnectionClosedError("Closed connection", connection));
  void connection.disconnect();
  // What nobody reads any more cannot be ended politely.
  socket?.destroy();
}
