import {
  driverActions,
  type FailureAction,
  kafkaActions,
  prismaActions,
  sqlStateActions,
  systemActions,
} from "./failure-table";

type Expected = Partial<Record<FailureAction, string>>;

// Written out a second time: a test that took the actions from the tables would agree with any of them. An outage that
// isolates dead-letters good records; a record's fault that retries holds up its partition for ever.
const tables: readonly [string, Readonly<Record<string, FailureAction>>, Expected][] = [
  [
    "PostgreSQL's SQLSTATEs",
    sqlStateActions,
    {
      retry: "03 08 25 26 28 3D 40003 53 55 57 58 F0 XX",
      "retry-at-once": "40",
      split: "57014",
      isolate: "22 23 44",
      doubt: "09 20 27 2F 38 39 54 HV P0",
      stop: "0A 0B 0F 0L 0P 0Z 10 21 24 2B 2D 34 3B 3F 42",
    },
  ],
  [
    "the driver adapter's kinds",
    driverActions,
    {
      retry: `AuthenticationFailed ConnectionClosed DatabaseAccessDenied DatabaseDoesNotExist DatabaseNotReachable
        GenericJs SocketTimeout TlsConnectionError TooManyConnections TransactionAlreadyClosed`,
      "retry-at-once": "TransactionWriteConflict",
      isolate: `ForeignKeyConstraintViolation InvalidInputValue LengthMismatch NullConstraintViolation
        RestrictViolation UniqueConstraintViolation ValueOutOfRange`,
      doubt: "InconsistentColumnData UnsupportedNativeDataType mssql mysql postgres sqlite",
      stop: `ColumnNotFound DatabaseAlreadyExists InvalidIsolationLevel MissingFullTextSearchIndex TableDoesNotExist`,
    },
  ],
  [
    "Prisma's codes",
    prismaActions,
    {
      retry: "P1000 P1001 P1003 P1008 P1009 P1010 P1011 P1017 P1018 P2024 P2028 P2037 P6000 P6001",
      "retry-at-once": "P2034",
      isolate: "P2000 P2002 P2003 P2011 P2020",
      doubt: "P2007 P2009 P2010 P2012 P2014 P2017 P2018 P2023 P2025 P2029 P2030 P2036 P2038 P2039",
      stop: "P2021 P2022",
    },
  ],
  [
    "Kafka's types",
    kafkaActions,
    {
      isolate: "INVALID_RECORD INVALID_TIMESTAMP MESSAGE_TOO_LARGE RECORD_LIST_TOO_LARGE",
      retry: `BROKER_NOT_AVAILABLE CLUSTER_AUTHORIZATION_FAILED CONCURRENT_TRANSACTIONS CORRUPT_MESSAGE
        DELEGATION_TOKEN_AUTHORIZATION_FAILED DELEGATION_TOKEN_AUTH_DISABLED DELEGATION_TOKEN_EXPIRED
        DELEGATION_TOKEN_NOT_FOUND DELEGATION_TOKEN_OWNER_MISMATCH DELEGATION_TOKEN_REQUEST_NOT_ALLOWED
        DUPLICATE_SEQUENCE_NUMBER ELECTION_NOT_NEEDED ELIGIBLE_LEADERS_NOT_AVAILABLE FENCED_INSTANCE_ID
        FENCED_LEADER_EPOCH FETCH_SESSION_ID_NOT_FOUND GROUP_AUTHORIZATION_FAILED GROUP_COORDINATOR_NOT_AVAILABLE
        GROUP_ID_NOT_FOUND GROUP_LOAD_IN_PROGRESS GROUP_MAX_SIZE_REACHED GROUP_SUBSCRIBED_TO_TOPIC ILLEGAL_GENERATION
        ILLEGAL_SASL_STATE INCONSISTENT_GROUP_PROTOCOL INVALID_COMMIT_OFFSET_SIZE INVALID_CONFIG
        INVALID_FETCH_SESSION_EPOCH INVALID_FETCH_SIZE INVALID_GROUP_ID INVALID_PARTITIONS INVALID_PRINCIPAL_TYPE
        INVALID_PRODUCER_EPOCH INVALID_PRODUCER_ID_MAPPING INVALID_REPLICATION_FACTOR INVALID_REPLICA_ASSIGNMENT
        INVALID_REQUEST INVALID_REQUIRED_ACKS INVALID_SESSION_TIMEOUT INVALID_TOPIC_EXCEPTION
        INVALID_TRANSACTION_TIMEOUT INVALID_TXN_STATE KAFKA_STORAGE_ERROR LEADER_NOT_AVAILABLE LISTENER_NOT_FOUND
        LOG_DIR_NOT_FOUND MEMBER_ID_REQUIRED NETWORK_EXCEPTION NON_EMPTY_GROUP NOT_CONTROLLER
        NOT_COORDINATOR_FOR_GROUP NOT_ENOUGH_REPLICAS NOT_ENOUGH_REPLICAS_AFTER_APPEND NOT_LEADER_FOR_PARTITION
        NO_REASSIGNMENT_IN_PROGRESS OFFSET_METADATA_TOO_LARGE OFFSET_NOT_AVAILABLE OFFSET_OUT_OF_RANGE
        OPERATION_NOT_ATTEMPTED OUT_OF_ORDER_SEQUENCE_NUMBER POLICY_VIOLATION PREFERRED_LEADER_NOT_AVAILABLE
        REASSIGNMENT_IN_PROGRESS REBALANCE_IN_PROGRESS REPLICA_NOT_AVAILABLE REQUEST_TIMED_OUT
        SASL_AUTHENTICATION_FAILED SECURITY_DISABLED STALE_BROKER_EPOCH STALE_CONTROLLER_EPOCH TOPIC_ALREADY_EXISTS
        TOPIC_AUTHORIZATION_FAILED TOPIC_DELETION_DISABLED TRANSACTIONAL_ID_AUTHORIZATION_FAILED
        TRANSACTION_COORDINATOR_FENCED UNKNOWN UNKNOWN_LEADER_EPOCH UNKNOWN_MEMBER_ID UNKNOWN_PRODUCER_ID
        UNKNOWN_TOPIC_OR_PARTITION UNSTABLE_OFFSET_COMMIT UNSUPPORTED_COMPRESSION_TYPE UNSUPPORTED_FOR_MESSAGE_FORMAT
        UNSUPPORTED_SASL_MECHANISM UNSUPPORTED_VERSION`,
    },
  ],
  [
    "the system's codes",
    systemActions,
    {
      retry: `EADDRNOTAVAIL EAI_AGAIN EAI_FAIL ECONNABORTED ECONNREFUSED ECONNRESET EDQUOT EHOSTDOWN EHOSTUNREACH EIO
        EMFILE ENETDOWN ENETRESET ENETUNREACH ENFILE ENOBUFS ENOMEM ENOSPC ENOTCONN ENOTFOUND EPIPE EROFS
        ESOCKETTIMEDOUT ETIMEDOUT`,
    },
  ],
];

// G3, G4. Fails when any row is given another action, is left out, or is added without being named here.
test.each(tables)("%s mean what is written here, and there are no others", (_, table, expected) => {
  const rows = Object.entries(expected).flatMap(([action, codes]) => codes.split(/\s+/).map((code) => [code, action]));
  expect(table).toEqual(Object.fromEntries(rows));
  expect(Object.keys(table)).toHaveLength(rows.length);
});
