/** Unpacking of gzip, which Node brings. */
import { gunzipSync } from "node:zlib";
import type { ImageBytes } from "./image-bytes.js";

/**
 * Unpack the file that fills `packed`, to at most `limit` bytes.
 *
 * Errors: BadInput, if it is damaged or unpacks to more.
 */
export function unpackGzip(packed: ImageBytes, limit: number): Uint8Array {
  try {
    return gunzipSync(packed.data, { maxOutputLength: Math.max(limit, 1) });
  } catch (error) {
    throw packed.bad(0, `the gzip stream is damaged (${(error as Error).message})`);
  }
}
