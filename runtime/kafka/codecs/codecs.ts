import { CompressionTypes } from "kafkajs";
import type { Codec } from "./codec";
import { gzip } from "./gzip";
import { lz4 } from "./lz4";
import { snappy } from "./snappy";
import { zstd } from "./zstd";

/** All of Kafka's codecs by the number that a record batch has in the low three bits of its attributes. */
export const codecs: ReadonlyMap<number, Codec> = new Map([
  [CompressionTypes.GZIP, gzip],
  [CompressionTypes.Snappy, snappy],
  [CompressionTypes.LZ4, lz4],
  [CompressionTypes.ZSTD, zstd],
]);

/**
 * A batch may expand to this many bytes. Kafka's default limit of a packed batch is 1 MiB and ours for `orders` at most
 * 8 MiB; JSON packs to a fifth or a tenth. What is larger is a bomb: 200 KB of gzip make 200 MiB.
 */
export const EXPANDED_LIMIT = 64 * 1_048_576;
