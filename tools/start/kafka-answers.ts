import { connect } from "node:net";
import { Kafka, logLevel } from "kafkajs";

/** The id of the cluster whose broker listens on this port of 127.0.0.1; nothing if no broker answers there. */
export async function clusterIdAt(port: number): Promise<string | undefined> {
  if (!(await canConnect(port))) return undefined;
  const kafka = new Kafka({ brokers: [`127.0.0.1:${port}`], logLevel: logLevel.NOTHING, retry: { retries: 0 } });
  const admin = kafka.admin();
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
