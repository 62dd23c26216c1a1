import { createHash } from "node:crypto";
import { readdirSync, readFileSync } from "node:fs";
import { extname, join } from "node:path";
import { gzipSync } from "node:zlib";
import type { Context } from "koa";
import { matchesEntityTag } from "./entity-tag";

/** A file that is served as it is, read once at start. */
export interface StaticFile {
  readonly name: string;
  readonly type: string;
  readonly plain: Representation;
  readonly gzipped: Representation;
}

/** The bytes of a file as they are sent; each form has a tag of its own. */
export interface Representation {
  readonly body: Buffer;
  readonly etag: string;
}

const TYPES: Readonly<Record<string, string>> = {
  ".html": "text/html; charset=utf-8",
  ".js": "text/javascript; charset=utf-8",
  ".css": "text/css; charset=utf-8",
  ".svg": "image/svg+xml",
  ".json": "application/json; charset=utf-8",
};

/** @throws Error if the file cannot be read or its kind is not one that is served */
export function readStaticFile(folder: string, name: string): StaticFile {
  return makeStaticFile(name, readFileSync(join(folder, name)));
}

/** @throws Error if its kind is not one that is served */
export function makeStaticFile(name: string, body: Buffer): StaticFile {
  const type = TYPES[extname(name)];
  if (!type) throw new Error(`${name} is of a kind that is not served`);
  return { name, type, plain: represent(body), gzipped: represent(gzipSync(body, { level: 9 })) };
}

/** Bytes with their tag: 132 bits of a digest, which tell any two versions apart. */
export function represent(body: Buffer): Representation {
  return { body, etag: `"${createHash("sha256").update(body).digest("base64url").slice(0, 22)}"` };
}

/** All files of a folder, but for the package.json that tells Node what its scripts are. */
export function readStaticFiles(folder: string): readonly StaticFile[] {
  const names = readdirSync(folder).filter((name) => name !== "package.json");
  return names.map((name) => readStaticFile(folder, name));
}

/** Answers with the file, which browsers keep but ask about each time: a new version is seen at once. */
export function answerStaticFile(ctx: Context, { type, plain, gzipped }: StaticFile): void {
  const isGzipped = ctx.acceptsEncodings("gzip", "identity") === "gzip";
  ctx.vary("Accept-Encoding");
  answerRepresentation(ctx, type, isGzipped ? gzipped : plain);
  if (isGzipped && ctx.status === 200) ctx.set("Content-Encoding", "gzip");
}

/** Answers with the bytes as they are, or with 304 to whoever has them. */
export function answerRepresentation(ctx: Context, type: string, { body, etag }: Representation): void {
  ctx.set("Cache-Control", "no-cache");
  ctx.set("ETag", etag);
  if (matchesEntityTag(ctx.headers["if-none-match"], etag)) {
    ctx.status = 304;
    return;
  }
  ctx.set("Content-Type", type);
  ctx.body = body;
}
