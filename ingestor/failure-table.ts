import type { MappedError } from "@prisma/driver-adapter-utils";

/**
 * What an error means for the records in hand:
 *
 * - `retry`: something is out of order outside (a server, the network, a disk); wait and store the same batch again.
 * - `retry-at-once`: the database chose this transaction as the loser of a race; it is in good health.
 * - `split`: the server has ended a statement that took too long, of which a smaller batch may be less; a single record is
 *   retried. Locks and slow disks end statements too, and half a batch is stored after them as well as a whole one.
 * - `isolate`: a record cannot be stored; find it by splitting the batch. Only data errors say so.
 * - `doubt`: may be either, and so is anything that is not in these tables. An outage, until a write of comparable size
 *   has committed meanwhile; then `isolate` (see store-patiently.ts).
 * - `stop`: a defect or a database that does not fit this program; end the process and let a supervisor restart it.
 */
export type FailureAction = "retry" | "retry-at-once" | "split" | "isolate" | "doubt" | "stop";

type Actions<Code extends string = string> = Readonly<Record<Code, FailureAction>>;

/** By SQLSTATE, PostgreSQL's documentation, appendix A. Five characters win over the class of two. */
export const sqlStateActions: Actions = {
  "03": "retry", // statement not yet complete
  "08": "retry", // connection exception
  "09": "doubt", // triggered action exception
  "0A": "stop", // feature not supported
  "0B": "stop", // invalid transaction initiation
  "0F": "stop", // locator
  "0L": "stop", // invalid grantor
  "0P": "stop", // invalid role
  "0Z": "stop", // diagnostics
  "10": "stop", // XQuery
  "20": "doubt", // case not found: PL/pgSQL of somebody's trigger
  "21": "stop", // cardinality violation
  "22": "isolate", // data exception
  "23": "isolate", // integrity constraint violation
  "24": "stop", // invalid cursor state
  "25": "retry", // invalid transaction state: read-only after a failover, idle too long
  "26": "retry", // invalid prepared statement: a pooler in between
  "27": "doubt", // triggered data change violation
  "28": "retry", // invalid authorization: passwords are being changed
  "2B": "stop", // dependent privileges
  "2D": "stop", // invalid transaction termination
  "2F": "doubt", // SQL routine
  "34": "stop", // invalid cursor name
  "38": "doubt", // external routine
  "39": "doubt", // external routine's invocation
  "3B": "stop", // savepoint
  "3D": "retry", // database does not exist: being restored
  "3F": "stop", // invalid schema name
  "40": "retry-at-once", // serialization failure, deadlock
  "40003": "retry", // statement completion unknown
  "42": "stop", // syntax, missing table or privilege: not migrated, or a defect
  "44": "isolate", // WITH CHECK OPTION of a view
  "53": "retry", // insufficient resources: disk full, too many connections
  "54": "doubt", // program limit exceeded: a record that is too large for somebody's index, or a full NOTIFY queue
  "55": "retry", // object not in prerequisite state: lock not available
  "57": "retry", // operator intervention: shutting down, starting
  "57014": "split", // statement time-out
  "58": "retry", // system error: I/O
  F0: "retry", // configuration file error
  HV: "doubt", // foreign data wrapper
  P0: "doubt", // raised by PL/pgSQL: this program has none that raises, so by somebody's trigger
  XX: "retry", // internal error, corruption: a matter of the place, and a probe may come to a better one
};

/** By what Prisma's driver adapter makes of an error that carries no SQLSTATE. The compiler knows whether all are there. */
export const driverActions: Actions<MappedError["kind"]> = {
  AuthenticationFailed: "retry",
  ColumnNotFound: "stop",
  ConnectionClosed: "retry",
  DatabaseAccessDenied: "retry",
  DatabaseAlreadyExists: "stop",
  DatabaseDoesNotExist: "retry",
  DatabaseNotReachable: "retry",
  ForeignKeyConstraintViolation: "isolate",
  GenericJs: "retry", // an answer that did not come in time, a socket that broke
  InconsistentColumnData: "doubt",
  InvalidInputValue: "isolate",
  InvalidIsolationLevel: "stop",
  LengthMismatch: "isolate",
  MissingFullTextSearchIndex: "stop",
  NullConstraintViolation: "isolate",
  RestrictViolation: "isolate",
  SocketTimeout: "retry",
  TableDoesNotExist: "stop",
  TlsConnectionError: "retry",
  TooManyConnections: "retry",
  TransactionAlreadyClosed: "retry",
  TransactionWriteConflict: "retry-at-once",
  UniqueConstraintViolation: "isolate",
  UnsupportedNativeDataType: "doubt",
  ValueOutOfRange: "isolate",
  mssql: "doubt",
  mysql: "doubt",
  postgres: "doubt",
  sqlite: "doubt",
};

/** By Prisma's own codes, where nothing better is known: P1 connecting, P2 asking, P6 a service that is not used here. */
export const prismaActions: Actions = {
  ...each("retry", "P1000 P1001 P1003 P1008 P1009 P1010 P1011 P1017 P1018 P2024 P2028 P2037 P6000 P6001"),
  ...each("retry-at-once", "P2034"),
  ...each("isolate", "P2000 P2002 P2003 P2011 P2020"),
  ...each("doubt", "P2007 P2009 P2010 P2012 P2014 P2017 P2018 P2023 P2025 P2029 P2030 P2036 P2038 P2039"),
  ...each("stop", "P2021 P2022"),
};

/** By Kafka's error types: what a broker says about a record itself isolates it, all others are outages. */
export const kafkaActions: Actions = {
  ...each("isolate", "MESSAGE_TOO_LARGE RECORD_LIST_TOO_LARGE INVALID_RECORD INVALID_TIMESTAMP"),
  ...each(
    "retry",
    `UNKNOWN OFFSET_OUT_OF_RANGE CORRUPT_MESSAGE UNKNOWN_TOPIC_OR_PARTITION INVALID_FETCH_SIZE LEADER_NOT_AVAILABLE
    NOT_LEADER_FOR_PARTITION REQUEST_TIMED_OUT BROKER_NOT_AVAILABLE REPLICA_NOT_AVAILABLE STALE_CONTROLLER_EPOCH
    OFFSET_METADATA_TOO_LARGE NETWORK_EXCEPTION GROUP_LOAD_IN_PROGRESS GROUP_COORDINATOR_NOT_AVAILABLE
    NOT_COORDINATOR_FOR_GROUP INVALID_TOPIC_EXCEPTION NOT_ENOUGH_REPLICAS NOT_ENOUGH_REPLICAS_AFTER_APPEND
    INVALID_REQUIRED_ACKS ILLEGAL_GENERATION INCONSISTENT_GROUP_PROTOCOL INVALID_GROUP_ID UNKNOWN_MEMBER_ID
    INVALID_SESSION_TIMEOUT REBALANCE_IN_PROGRESS INVALID_COMMIT_OFFSET_SIZE TOPIC_AUTHORIZATION_FAILED
    GROUP_AUTHORIZATION_FAILED CLUSTER_AUTHORIZATION_FAILED UNSUPPORTED_SASL_MECHANISM ILLEGAL_SASL_STATE
    UNSUPPORTED_VERSION TOPIC_ALREADY_EXISTS INVALID_PARTITIONS INVALID_REPLICATION_FACTOR INVALID_REPLICA_ASSIGNMENT
    INVALID_CONFIG NOT_CONTROLLER INVALID_REQUEST UNSUPPORTED_FOR_MESSAGE_FORMAT POLICY_VIOLATION
    OUT_OF_ORDER_SEQUENCE_NUMBER DUPLICATE_SEQUENCE_NUMBER INVALID_PRODUCER_EPOCH INVALID_TXN_STATE
    INVALID_PRODUCER_ID_MAPPING INVALID_TRANSACTION_TIMEOUT CONCURRENT_TRANSACTIONS TRANSACTION_COORDINATOR_FENCED
    TRANSACTIONAL_ID_AUTHORIZATION_FAILED SECURITY_DISABLED OPERATION_NOT_ATTEMPTED KAFKA_STORAGE_ERROR
    LOG_DIR_NOT_FOUND SASL_AUTHENTICATION_FAILED UNKNOWN_PRODUCER_ID REASSIGNMENT_IN_PROGRESS
    DELEGATION_TOKEN_AUTH_DISABLED DELEGATION_TOKEN_NOT_FOUND DELEGATION_TOKEN_OWNER_MISMATCH
    DELEGATION_TOKEN_REQUEST_NOT_ALLOWED DELEGATION_TOKEN_AUTHORIZATION_FAILED DELEGATION_TOKEN_EXPIRED
    INVALID_PRINCIPAL_TYPE NON_EMPTY_GROUP GROUP_ID_NOT_FOUND FETCH_SESSION_ID_NOT_FOUND INVALID_FETCH_SESSION_EPOCH
    LISTENER_NOT_FOUND TOPIC_DELETION_DISABLED FENCED_LEADER_EPOCH UNKNOWN_LEADER_EPOCH UNSUPPORTED_COMPRESSION_TYPE
    STALE_BROKER_EPOCH OFFSET_NOT_AVAILABLE MEMBER_ID_REQUIRED PREFERRED_LEADER_NOT_AVAILABLE GROUP_MAX_SIZE_REACHED
    FENCED_INSTANCE_ID ELIGIBLE_LEADERS_NOT_AVAILABLE ELECTION_NOT_NEEDED NO_REASSIGNMENT_IN_PROGRESS
    GROUP_SUBSCRIBED_TO_TOPIC UNSTABLE_OFFSET_COMMIT`,
  ),
};

/** By the system's codes: what becomes of sockets, names and files when something is down or used up. */
export const systemActions: Actions = each(
  "retry",
  `ECONNREFUSED ECONNRESET ECONNABORTED EPIPE ETIMEDOUT ESOCKETTIMEDOUT EHOSTUNREACH EHOSTDOWN ENETUNREACH ENETDOWN
  ENETRESET EADDRNOTAVAIL ENOTCONN ENOTFOUND EAI_AGAIN EAI_FAIL EMFILE ENFILE ENOBUFS ENOMEM ENOSPC EDQUOT EIO EROFS`,
);

function each<Code extends string>(action: FailureAction, codes: string): Actions<Code> {
  return Object.fromEntries(codes.split(/\s+/).map((code) => [code, action])) as Actions<Code>;
}
