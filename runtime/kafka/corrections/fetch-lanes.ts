import { apiKeys, Connection, ConnectionPool } from "../internals";
import { giveUp } from "./connection";

/** Of a pool's connections those for fetches: kafkajs' own, and a spare one, which is made when it is first needed. */
const LANES = [1, 2] as const;
type Lane = (typeof LANES)[number];

/**
 * Sends a fetch at once also while the broker has another one, which nobody waits for any more: a broker answers the
 * requests of a connection in their order, and a fetch may wait long for records. So there are two connections for them.
 * Both stay; a third fetch waits for the first answer.
 *
 * And such a fetch does not hold up the end of its client, which would wait for the answer.
 */
export function correctFetchLanes(): void {
  const { send, getConnectionByRequest, destroy } = ConnectionPool.prototype;
  ConnectionPool.prototype.getConnectionByRequest = function (exchange) {
    const lane = laneOf.get(exchange);
    if (lane === undefined) return getConnectionByRequest.call(this, exchange);
    this.pool[lane] ??= anotherLike(this.pool[1]);
    return this.getConnection(lane);
  };
  ConnectionPool.prototype.send = async function (exchange) {
    if (exchange.request.apiKey !== apiKeys.Fetch) return send.call(this, exchange);
    const busy = busyLanes.get(this) ?? new Map<Lane, Promise<unknown>>();
    busyLanes.set(this, busy);
    let lane = LANES.find((each) => !busy.has(each));
    while (lane === undefined) {
      await Promise.race(busy.values());
      lane = LANES.find((each) => !busy.has(each));
    }
    laneOf.set(exchange, lane);
    const answer = send.call(this, exchange);
    const free = (): unknown => busy.delete(lane);
    busy.set(lane, answer.then(free, free));
    return answer;
  };
  ConnectionPool.prototype.destroy = async function () {
    for (const lane of busyLanes.get(this)?.keys() ?? []) {
      const connection = this.pool[lane];
      if (connection) giveUp(connection);
    }
    return destroy.call(this);
  };
}

const laneOf = new WeakMap<object, Lane>();
/** Until the answer has come. */
const busyLanes = new WeakMap<ConnectionPool, Map<Lane, Promise<unknown>>>();

/** Not connected yet. What kafkajs is given for a connection it keeps, part of it in the connection's queue. */
function anotherLike(connection: Connection): Connection {
  const another = new Connection({ ...connection.requestQueue, ...connection });
  another.setVersions(connection.versions);
  another.setSupportAuthenticationProtocol(connection.supportAuthenticationProtocol);
  return another;
}
