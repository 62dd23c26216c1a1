import { ago } from "../dlq/describe";
import { DLQ_MESSAGE_BYTES, ORDERS_MESSAGE_BYTES } from "../start/kafka-files";
import type { TopicNames } from "./check-kafka";
import { type Finding, unwell } from "./finding";

export const settingNames = [
  ...["min.insync.replicas", "unclean.leader.election.enable", "cleanup.policy"],
  ...["retention.ms", "retention.bytes", "max.message.bytes"],
  ...["message.timestamp.before.max.ms", "message.timestamp.after.max.ms"],
] as const;

/** As Kafka writes them. */
export type TopicSettings = Readonly<Record<(typeof settingNames)[number], string>>;

const FOR_EVER = -1;
/** Kafka's own default. A system that is away for longer, or a backup that is older, finds its records gone. */
const SHORTEST_RETENTION_MS = 7 * 86_400_000;

/** The command that gives a topic another setting. */
export type AlterTopic = (topic: string, setting: string) => string;

/** To be pasted as it is, where Kafka's scripts are. */
export function alterAt(brokers: readonly string[]): AlterTopic {
  return (topic, setting) =>
    `kafka-configs.sh --bootstrap-server ${brokers} --alter --topic ${topic} --add-config ${setting}`;
}

/** What of the settings of `orders` and `orders.dlq` would lose a record or refuse a dead letter. Pure. */
export function checkSettings(
  names: TopicNames,
  orders: TopicSettings,
  dlq: TopicSettings,
  alter: AlterTopic,
): readonly Finding[] {
  return [
    ...checkKeeping(names.orders, orders, SHORTEST_RETENTION_MS, alter),
    ...checkKeeping(names.dlq, dlq, Number.POSITIVE_INFINITY, alter),
    ...checkFit(names, orders, dlq, alter),
  ];
}

function checkKeeping(topic: string, settings: TopicSettings, neededMs: number, alter: AlterTopic): readonly Finding[] {
  const found: Finding[] = [];
  const say = (what: string, setting: string): void => {
    found.push(unwell("topics", `${topic}: ${what}`, alter(topic, setting)));
  };
  const retention = Number(settings["retention.ms"]);
  if (retention !== FOR_EVER && retention < neededMs) {
    const kept = ago(new Date(0).toISOString(), new Date(retention));
    const needed = Number.isFinite(neededMs) ? neededMs : FOR_EVER;
    const why = needed === FOR_EVER ? "dead letters are to stay until told otherwise" : "an outage may last longer";
    say(`what is older than ${kept} is deleted (retention.ms): ${why}`, `retention.ms=${needed}`);
  }
  if (Number(settings["retention.bytes"]) !== FOR_EVER) {
    say(`its size is limited (retention.bytes): a rush deletes what nobody has read`, "retention.bytes=-1");
  }
  if (settings["cleanup.policy"].includes("compact")) {
    say("records of one key replace each other (cleanup.policy)", "cleanup.policy=delete");
  }
  if (settings["unclean.leader.election.enable"] !== "false") {
    say(
      "a broker that is behind may become leader and lose what was acknowledged",
      "unclean.leader.election.enable=false",
    );
  }
  return found;
}

function bytes(count: number): string {
  return `${count.toLocaleString("en")} bytes`;
}

/** A dead letter is a record of `orders` with its own timestamp and up to 8 KiB of headers more. */
function checkFit(names: TopicNames, orders: TopicSettings, dlq: TopicSettings, alter: AlterTopic): readonly Finding[] {
  const found: Finding[] = [];
  const [taken, room] = [Number(orders["max.message.bytes"]), Number(dlq["max.message.bytes"])];
  if (room <= taken) {
    const limits = `${names.dlq} takes records of up to ${bytes(room)}, ${names.orders} of up to ${bytes(taken)}`;
    const what = `${limits} (max.message.bytes): a large one with the headers of a dead letter is refused`;
    // Where the dead letters have the room that they are made with, it is `orders` that was made without its limit.
    const mend =
      room >= DLQ_MESSAGE_BYTES
        ? alter(names.orders, `max.message.bytes=${ORDERS_MESSAGE_BYTES}`)
        : alter(names.dlq, `max.message.bytes=${2 * taken}`);
    found.push(unwell("topics", what, mend));
  }
  for (const name of ["message.timestamp.before.max.ms", "message.timestamp.after.max.ms"] as const) {
    if (BigInt(dlq[name]) >= BigInt(orders[name])) continue;
    const what = `${names.dlq} refuses timestamps that ${names.orders} takes (${name})`;
    found.push(unwell("topics", what, alter(names.dlq, `${name}=${orders[name]}`)));
  }
  return found;
}
