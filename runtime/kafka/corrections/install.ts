import { correctConnection } from "./connection";
import { correctEarlyStop } from "./early-stop";
import { correctFetchLanes } from "./fetch-lanes";
import { correctFetchResponses } from "./fetch-response";
import { correctFetchWait } from "./fetch-wait";
import { correctGroupCoordinator } from "./group-coordinator";
import { correctLateBatches } from "./late-batches";
import { correctLostBrokers } from "./lost-brokers";
import { correctMetadataRequests } from "./metadata-request";
import { correctPartitioner } from "./partitioner";
import { correctProduceRequests, registerCodecs } from "./produce-request";
import { correctRequestQueue } from "./request-queue";
import { correctCommits } from "./single-commit";

let installed = false;

/** Puts the corrections of kafkajs in place, once per process. */
export function installCorrections(): void {
  if (installed) return;
  registerCodecs();
  correctFetchResponses();
  correctProduceRequests();
  correctPartitioner();
  correctRequestQueue();
  correctConnection();
  correctGroupCoordinator();
  correctLostBrokers();
  correctMetadataRequests();
  correctFetchLanes();
  correctFetchWait();
  correctEarlyStop();
  correctLateBatches();
  correctCommits();
  installed = true;
}
