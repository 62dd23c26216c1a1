import { gunzipSync, gzipSync } from "node:zlib";
import { type Codec, tooLarge } from "./codec";

export const gzip: Codec = {
  name: "gzip",
  pack: (plain) => gzipSync(plain),
  expand: (packed, limit) => {
    try {
      return gunzipSync(packed, { maxOutputLength: limit });
    } catch (error) {
      if ((error as NodeJS.ErrnoException).code === "ERR_BUFFER_TOO_LARGE") throw tooLarge(limit);
      throw error;
    }
  },
};
