import zlib from "node:zlib";
import { MalformedError } from "../wire";
import { type Codec, tooLarge } from "./codec";

/** Node's own Zstandard, which it has since 22.15 and our types of Node 20 do not know. */
interface NodeZstd {
  readonly zstdCompressSync: (plain: Buffer) => Buffer;
  readonly zstdDecompressSync: (packed: Buffer, options: { readonly maxOutputLength: number }) => Buffer;
}

/** Zstandard by Node where it can be trusted, otherwise by WebAssembly (0.9 µs an order expanding, 2.7 packing). */
export const zstd: Codec = hasZstd(zlib) && refusesTheCutOff(zlib) ? fromNode(zlib) : fromWasm();

function hasZstd(node: object): node is NodeZstd {
  return "zstdCompressSync" in node;
}

/** Node 22 gives what it has got so far when the bytes end too early, and says nothing; Node 24 throws. */
function refusesTheCutOff(node: NodeZstd): boolean {
  try {
    node.zstdDecompressSync(node.zstdCompressSync(Buffer.alloc(100)).subarray(0, -2), { maxOutputLength: 100 });
    return false;
  } catch {
    return true;
  }
}

function fromNode(node: NodeZstd): Codec {
  return {
    name: "zstd",
    pack: (plain) => node.zstdCompressSync(plain),
    expand: (packed, limit) => {
      try {
        return node.zstdDecompressSync(packed, { maxOutputLength: limit });
      } catch (error) {
        if ((error as NodeJS.ErrnoException).code === "ERR_BUFFER_TOO_LARGE") throw tooLarge(limit);
        throw error;
      }
    },
  };
}

export function fromWasm(): Codec {
  let wasm: typeof import("@foxglove/wasm-zstd") | undefined;
  const loaded = (): NonNullable<typeof wasm> => {
    if (wasm === undefined) throw new Error("zstd is used before it is ready");
    return wasm;
  };
  return {
    name: "zstd",
    ready: async () => {
      const module = await import("@foxglove/wasm-zstd");
      await module.isLoaded;
      wasm = module;
    },
    pack: (plain) => loaded().compress(plain),
    // The library does not tell bytes that are too many from bytes that are wrong.
    expand: (packed, limit) => {
      const { decompress } = loaded();
      try {
        return decompress(packed, limit);
      } catch {
        throw new MalformedError(`is damaged or ${tooLarge(limit).message}`);
      }
    },
  };
}
