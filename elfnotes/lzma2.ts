/**
 * LZMA2: chunks of LZMA, which go on where the one before ended unless they say otherwise, or of bytes as they are.
 *
 * Mirrors: lzma2_lzma() and xz_dec_lzma2_run(), linux lib/xz/xz_dec_lzma2.c. wasm/lzma.ts has the chunks.
 * Differs: the dictionary is what has been unpacked of the block.
 */
import type { ImageBytes } from "./image-bytes.js";
import { lzmaProperties, lzmaTables, MOST_LITERAL_BITS } from "./lzma.js";
import { MORE, STRIDE, type WasmDecoder } from "./wasm-decoder.js";

/** What a decoder of LZMA2 has as tables, and loads at a time. */
export const LZMA2_TABLES = lzmaTables(MOST_LITERAL_BITS);
export const LZMA2_PART = 2 ** 16;

/** Control bytes; from LZMA on, with the highest bits of the size in the lowest ones. */
const END = 0x00;
const STORED_ANEW = 0x01;
const STORED = 0x02;
const LZMA = 0x80;
const NEW_STATE = 0xa0;
const NEW_PROPERTIES = 0xc0;
const ALL_NEW = 0xe0;

const TOO_FAR = 17;
const BEYOND = 18;

/** Unpack the chunks from `offset` to `end`, of which the last one says so. */
export function unpackLzma2(xz: ImageBytes, decoder: WasmDecoder, offset: number, end: number): void {
  const { run, source, tables } = decoder;
  let first: number | undefined; // where the dictionary begins
  let properties: ReturnType<typeof lzmaProperties>;
  for (let at = offset; ;) {
    const control = xz.u8(at, "an LZMA2 chunk");
    if (control === END) {
      if (at + 1 !== end) throw xz.bad(at, "the LZMA2 data end before their block does");
      return;
    }
    if (control === STORED_ANEW || control >= ALL_NEW) {
      first = decoder.at;
      properties = undefined;
    } else if (first === undefined) throw xz.bad(at, "the first LZMA2 chunk has no dictionary of its own");
    if (control < LZMA) {
      if (control > STORED) throw xz.bad(at, `an LZMA2 chunk cannot begin with ${control}`);
      const size = be16(xz, at + 1) + 1;
      xz.need(at + 3, size, "an LZMA2 chunk");
      decoder.load(at, 0);
      decoder.reserve(size);
      xz.copy(at + 3, decoder.append(size));
      at += 3 + size;
      continue;
    }

    const size = (control & 0x1f) * 2 ** 16 + be16(xz, at + 1) + 1;
    const packed = be16(xz, at + 3) + 1;
    let data = at + 5;
    if (control >= NEW_PROPERTIES) {
      properties = lzmaProperties(xz.u8(data++, "an LZMA2 chunk"));
      if (properties === undefined || properties.lc + properties.lp > MOST_LITERAL_BITS) {
        throw xz.bad(data - 1, "an LZMA2 chunk cannot have these properties");
      }
    }
    if (properties === undefined) throw xz.bad(at, "an LZMA2 chunk has no properties");
    xz.need(data, packed, "an LZMA2 chunk");
    const { lc, lp, pb } = properties;
    if (control >= NEW_STATE) run.lzmaReset(tables, lc, lp);
    const sourceEnd = decoder.load(data, packed);
    decoder.reserve(size);
    run.lzmaBegin(source);
    const stop = decoder.at + size;
    if (stop > decoder.room) throw decoder.tooMuch();
    while (decoder.at < stop) {
      const pause = Math.min(stop, decoder.at + STRIDE);
      const status = run.lzma(sourceEnd, first, first, tables, pause, stop, lc, lp, pb);
      if (status !== MORE) throw failure(decoder, status, first);
    }
    if (run.from.value >>> 0 !== sourceEnd || decoder.detail !== 0) {
      throw decoder.bad("an LZMA2 chunk does not end where it says");
    }
    at = data + packed;
  }
}

function failure(decoder: WasmDecoder, status: number, first: number): Error {
  if (status === TOO_FAR) {
    return decoder.bad(`an LZMA2 match is ${decoder.detail} bytes back, of ${decoder.at - first}`);
  }
  return decoder.bad(
    status === BEYOND ? "an LZMA2 match goes beyond its chunk" : "an LZMA2 chunk ends too early",
  );
}

function be16(xz: ImageBytes, offset: number): number {
  return (xz.u8(offset, "an LZMA2 chunk") << 8) | xz.u8(offset + 1, "an LZMA2 chunk");
}
