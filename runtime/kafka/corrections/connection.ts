import { KafkaJSRequestTimeoutError } from "kafkajs";
import { Connection, KafkaJSConnectionClosedError } from "../internals";

/**
 * A request that is not answered in time ends its connection, as in Kafka's own clients. kafkajs gives up the request
 * alone and sends the next one on the same connection: if that is half open, one request after the other waits for its
 * time-out, until the system's TCP gives the connection up after a quarter of an hour, and a consumer that looks healthy
 * consumes nothing. Whoever sends next connects anew.
 */
export function correctConnection(): void {
  const { send } = Connection.prototype;
  Connection.prototype.send = async function (exchange) {
    try {
      return await send.call(this, exchange);
    } catch (error) {
      if (error instanceof KafkaJSRequestTimeoutError) giveUp(this);
      throw error;
    }
  };
}

/**
 * Ends a connection and whatever waits on it; whoever sends next connects anew.
 *
 * @param error of what waits; the default makes its sender end the other connections to this broker too
 */
export function giveUp(
  connection: Connection,
  error: Error = new KafkaJSConnectionClosedError("Closed connection", connection),
): void {
  const { socket } = connection;
  if (!connection.isConnected()) return;
  connection.rejectRequests(error);
  void connection.disconnect();
  // What nobody reads any more cannot be ended politely.
  socket?.destroy();
}
