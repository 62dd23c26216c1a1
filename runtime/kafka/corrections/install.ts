import { correctFetchResponses } from "./fetch-response";

let installed = false;

/** Puts the corrections of kafkajs in place, once per process. */
export function installCorrections(): void {
  if (installed) return;
  correctFetchResponses();
  installed = true;
}
