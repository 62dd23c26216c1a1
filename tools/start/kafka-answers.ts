import { connect } from "node:net";
import { createKafka, kafkaSettings } from "../../runtime/kafka/client";
import { createLog } from "../../runtime/log";
import { readSettings } from "../../runtime/settings";

/** What becomes of these questions is the caller's to tell, and a broker of this machine wants no login. */
const ASKING = readSettings([...kafkaSettings, "LOG_LEVEL", "LOG_FORMAT"], { LOG_LEVEL: "silent", LOG_FORMAT: "json" });

/** The id of the cluster whose broker listens on this port of 127.0.0.1; nothing if no broker answers there. */
export async function clusterIdAt(port: number): Promise<string | undefined> {
  if (!(await canConnect(port))) return undefined;
  const settings = { ...ASKING, KAFKA_BROKERS: [`127.0.0.1:${port}`] };
  const admin = createKafka(settings, createLog("start", settings), "orders-start", 0).admin();
  try {
    await admin.connect();
    return (await admin.describeCluster()).clusterId;
  } catch {
    return undefined;
  } finally {
    await admin.disconnect().catch(() => {});
  }
}

/** Whether anybody listens on this port of 127.0.0.1. */
export function canConnect(port: number): Promise<boolean> {
  return new Promise((resolve) => {
    const socket = connect(port, "127.0.0.1");
    socket.once("connect", () => resolve(true)).once("error", () => resolve(false));
    socket.once("connect", () => socket.destroy());
  });
}
