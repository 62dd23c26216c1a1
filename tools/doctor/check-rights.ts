import type { Connection } from "../../prisma/open-connection";
import { type Finding, notAsked, orWell, unwell } from "./finding";

/** What each process may do with each table and view: what the migrations grant, and nothing else. */
const rights: Readonly<Record<string, Readonly<Record<string, readonly string[]>>>> = {
  orders_ingestor: {
    epochs: ["SELECT", "INSERT", "UPDATE (topic_id)"],
    orders: ["SELECT", "INSERT"],
    positions: ["SELECT", "INSERT", "UPDATE"],
    outbox: ["SELECT", "INSERT"],
    outbox_undelivered: ["SELECT", "INSERT", "UPDATE", "DELETE"],
    outbox_delivered: ["SELECT", "INSERT"],
    replays: ["SELECT"],
    epochs_id_seq: ["USAGE"],
    outbox_id_seq: ["USAGE"],
  },
  orders_reader: {
    epochs: ["SELECT"],
    positions: ["SELECT"],
    orders: ["SELECT"],
    payments: ["SELECT"],
  },
};

interface HeldRight {
  readonly role: string;
  readonly relation: string;
  readonly right: string;
}

/** Compares what the processes' roles may do, by whatever way, with what they need. */
export async function checkRights(connection: Connection): Promise<readonly Finding[]> {
  const roles = await connection.ask<{ name: string; attributes: string[]; login: boolean; creates: boolean }>(`
    SELECT rolname AS name, rolcanlogin AS login, has_schema_privilege(oid, 'public', 'CREATE') AS creates,
      array_remove(ARRAY[CASE WHEN rolsuper THEN 'SUPERUSER' END, CASE WHEN rolcreaterole THEN 'CREATEROLE' END,
        CASE WHEN rolcreatedb THEN 'CREATEDB' END, CASE WHEN rolreplication THEN 'REPLICATION' END,
        CASE WHEN rolbypassrls THEN 'BYPASSRLS' END], NULL) AS attributes
    FROM pg_roles WHERE rolname IN ('orders_ingestor', 'orders_reader')`);
  const held = await readHeld(connection);
  const findings = Object.keys(rights).flatMap((name): readonly Finding[] => {
    const role = roles.find((each) => each.name === name);
    if (!role) return [notAsked("rights", `there is no role ${name}: its process runs as the database's owner`)];
    const setLogin = `npm run migrate with ${name === "orders_reader" ? "READER" : "INGESTOR"}_DATABASE_URL sets its password`;
    return [
      ...(role.login ? [] : [unwell("rights", `${name} may not log in`, setLogin)]),
      ...role.attributes.map((each) => unwell("rights", `${name} is ${each}`, `ALTER ROLE ${name} NO${each};`)),
      ...(role.creates
        ? [unwell("rights", `${name} may make tables`, `REVOKE CREATE ON SCHEMA public FROM ${name}, PUBLIC;`)]
        : []),
      ...compareRights(
        name,
        held.filter((each) => each.role === name),
      ),
    ];
  });
  return orWell(findings, "rights", "the ingestor's and the reader's roles may do what they need, and no more");
}

/** Rights on whole relations, and on single columns where the whole is not granted; direct or by membership. */
function readHeld(connection: Connection): Promise<readonly HeldRight[]> {
  return connection.ask<HeldRight & Record<string, string>>(`
    WITH held AS (
      SELECT r.oid AS role, r.rolname, c.oid, c.relname, p, CASE WHEN c.relkind = 'S'
        THEN has_sequence_privilege(r.oid, c.oid, p) ELSE has_table_privilege(r.oid, c.oid, p) END AS whole
      FROM pg_roles r CROSS JOIN pg_class c
      CROSS JOIN unnest(CASE WHEN c.relkind = 'S' THEN ARRAY['USAGE', 'UPDATE']
        ELSE ARRAY['SELECT', 'INSERT', 'UPDATE', 'DELETE', 'TRUNCATE', 'REFERENCES', 'TRIGGER'] END) AS p
      WHERE r.rolname IN ('orders_ingestor', 'orders_reader') AND NOT r.rolsuper
        AND c.relnamespace = 'public'::regnamespace AND c.relkind IN ('r', 'p', 'v', 'm', 'S'))
    SELECT rolname AS role, relname AS relation, p AS "right" FROM held WHERE whole
    UNION ALL
    SELECT rolname, relname, format('%s (%s)', p, attname) FROM held
    JOIN pg_attribute ON attrelid = oid AND attnum > 0 AND NOT attisdropped
    WHERE NOT whole AND p IN ('SELECT', 'INSERT', 'UPDATE', 'REFERENCES') AND has_column_privilege(role, oid, attnum, p)`);
}

function compareRights(role: string, held: readonly HeldRight[]): Finding[] {
  const wanted = Object.entries(rights[role] ?? {}).flatMap(([relation, each]) =>
    each.map((right) => ({ role, relation, right })),
  );
  const isIn = (list: readonly HeldRight[], { relation, right }: HeldRight): boolean =>
    list.some((each) => each.relation === relation && each.right === right);
  const name = ({ relation, right }: HeldRight): string =>
    `${right} ON ${relation.endsWith("_seq") ? "SEQUENCE " : ""}"${relation}"`;
  return [
    ...wanted
      .filter((each) => !isIn(held, each))
      .map((each) => unwell("rights", `${role} lacks ${name(each)}`, `GRANT ${name(each)} TO ${role};`)),
    ...held
      .filter((each) => !isIn(wanted, each))
      .map((each) => unwell("rights", `${role} needs no ${name(each)}`, `REVOKE ${name(each)} FROM ${role};`)),
  ];
}
