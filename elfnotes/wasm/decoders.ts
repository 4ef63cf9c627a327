/** What ../wasm-decoder.ts calls. */
export { adler32 } from "./adler32";
export { turned } from "./around";
export { bzip2Align, bzip2Begin, bzip2Bits, bzip2Block, bzip2Symbols, bzip2Unsort } from "./bzip2";
export { lz4 } from "./lz4";
export { lzma, lzmaBegin, lzmaReset } from "./lzma";
export { lzo, lzoBegin } from "./lzo";
export { detail, from, moved, to } from "./state";
export { xxh64, xxh64End } from "./xxh64";
export { zstd } from "./zstd";
