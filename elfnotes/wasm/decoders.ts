/** What ../wasm-decoder.ts calls. */
export { lz4 } from "./lz4";
export { lzma, lzmaBegin } from "./lzma";
export { detail, from, moved, to } from "./state";
export { xxh64, xxh64End } from "./xxh64";
export { zstd } from "./zstd";
