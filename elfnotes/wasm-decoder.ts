/**
 * An instance of dist/elfnotes/decoders.wasm, whose sources are in wasm/, and its memory: what one payload takes to
 * be unpacked.
 *
 *     static data | tables | packed bytes, a part at a time | what they unpack to, which grows
 *
 * Memory grows in place and by what has really been unpacked, so that a size that a damaged image gives is a
 * hint, never an allocation: it stays below twice what was unpacked, and twice the packed bytes. Where only parts of
 * a kernel are kept, the same memory is used again for what follows.
 */
import { readFileSync } from "node:fs";
import { join } from "node:path";
import { BadInput } from "../abi/bad-input.js";
import type { ImageBytes } from "./image-bytes.js";
import type { KeptParts } from "./kept-parts.js";

/** Mirrors: wasm/state.ts. */
export const DONE = 0;
export const MORE = 1;

/** What is used of the engine's WebAssembly: only lib.dom.d.ts declares it, which is for pages. */
declare const WebAssembly: {
  readonly Module: new (bytes: Uint8Array) => Module;
  readonly Instance: new (module: Module, imports: object) => { readonly exports: unknown };
  readonly Memory: new (size: { initial: number }) => Memory;
};
type Module = object;
interface Memory {
  readonly buffer: ArrayBuffer;
  grow(pages: number): number;
}

/** Addresses, or sizes, where not said otherwise. Mirrors: what wasm/ exports. */
interface Exports {
  readonly from: { readonly value: number };
  readonly to: { readonly value: number };
  readonly detail: { readonly value: number };
  readonly bzip2Symbols: { readonly value: number };
  moved(from: number, to: number): void;
  turned(end: number): void;
  adler32(at: number, length: number): number;
  bzip2Align(): void;
  bzip2Begin(tables: number): void;
  bzip2Bits(end: number, count: number): number;
  bzip2Block(end: number, most: number): number;
  bzip2Unsort(room: number): number;
  lz4(end: number, stop: number, first: number, most: number, room: number, pause: number): number;
  lzmaBegin(source: number): void;
  lzmaReset(probs: number, lc: number, lp: number): void;
  lzma(
    end: number,
    first: number,
    bottom: number,
    probs: number,
    pause: number,
    stop: number,
    lc: number,
    lp: number,
    pb: number,
  ): number;
  lzo(end: number, first: number, stop: number, room: number): number;
  lzoBegin(): void;
  xxh64(at: number, length: number): number;
  xxh64End(at: number, length: number): number;
  zstd(start: number, end: number, first: number, bottom: number, room: number, buffer: number): number;
}

const WASM_PAGE = 2 ** 16;

/** Where the tables are: the static data before them is far smaller. */
const TABLES = WASM_PAGE;

/** The remedy where more unpacks than may. */
export const WRONG_SIZE = "the size behind the kernel, or its stream, is damaged; copy or build it again";

/** What copies read and write beyond what they are asked for. Mirrors: wasm/copy.ts. */
const SLACK = 64;

/** What there is room for at first, in multiples of the packed size. */
const FIRST_ROOM = 2;

/**
 * How much is unpacked in a call: the engine replaces code that it compiled in haste, where calls return.
 */
export const STRIDE = 2 ** 17;

/** No decoder that turns unpacks more in a call. Mirrors: MARGIN, wasm/around.ts. */
const AT_A_TIME = 2 ** 17;

export class WasmDecoder {
  readonly run: Exports;
  readonly tables = TABLES;
  /** Addresses of the packed bytes that load() put there, and of the first unpacked byte. */
  readonly source: number;
  readonly target: number;
  /** The offset of what load() put there. */
  private base = 0;
  /** How many unpacked bytes were before the one that is at `target`. */
  private passed = 0;
  private readonly memory: Memory;

  /**
   * For `packed`, which unpacks to at most `limit` bytes, with `tableSize` bytes of tables. At most `part` packed
   * bytes are loaded at a time: where that is not all, few pages are touched again and again. `kept` takes what
   * is unpacked, where it is there.
   */
  constructor(
    private readonly packed: ImageBytes,
    private readonly limit: number,
    tableSize: number,
    part = packed.length,
    private readonly kept?: KeptParts,
  ) {
    this.source = roundUp(TABLES + tableSize + SLACK, 16);
    this.target = roundUp(this.source + Math.min(part, packed.length) + SLACK, 16);
    this.memory = new WebAssembly.Memory({
      initial: pagesOf(this.target + Math.min(limit, packed.length * FIRST_ROOM) + SLACK),
    });
    this.run = new WebAssembly.Instance(compiled(), { env: { memory: this.memory } }).exports as Exports;
    this.run.moved(this.source, this.target);
  }

  /** Put `length` packed bytes at `source`, and begin to read there. Returns the address of their end. */
  load(offset: number, length: number): number {
    this.packed.copy(offset, this.view(this.source, this.source + length));
    this.base = offset;
    this.run.moved(this.source, this.run.to.value);
    return this.source + length;
  }

  /** How many bytes have been unpacked. */
  get length(): number {
    return this.passed + this.at - this.target;
  }

  /** Address of the next unpacked byte. */
  get at(): number {
    return this.run.to.value >>> 0;
  }

  /** Address of the end of the room for unpacked bytes. */
  get room(): number {
    return Math.min(this.memory.buffer.byteLength - SLACK, this.target + this.limit - this.passed);
  }

  /** The offset, of the packed bytes, that the decoder has come to, or found wrong. */
  get offset(): number {
    return Math.min(this.base + (this.run.from.value >>> 0) - this.source, this.packed.length);
  }

  /** What a failure says besides. */
  get detail(): number {
    return this.run.detail.value >>> 0;
  }

  /**
   * Make room for `count` bytes more, or twice what there is.
   *
   * Errors: BadInput, if the limit does not allow one byte more than there is room for.
   */
  grow(count = 0): void {
    const now = this.room - this.target;
    const wanted = Math.min(this.limit - this.passed, Math.max(now * 2, this.at - this.target + count));
    if (wanted <= now) throw this.tooMuch();
    const pages = pagesOf(this.target + wanted + SLACK) - this.memory.buffer.byteLength / WASM_PAGE;
    if (pages > 0) this.memory.grow(pages);
  }

  /** Make room for `count` bytes more, where there is not, or as many as the limit allows. */
  reserve(count: number): void {
    const wanted = Math.min(this.limit - this.passed, this.at - this.target + count);
    if (this.target + wanted > this.room) this.grow(count);
  }

  /** `count` bytes more, for the caller to write. */
  append(count: number): Uint8Array {
    const { at } = this;
    if (at + count > this.room) throw this.tooMuch();
    this.run.moved(this.run.from.value, at + count);
    return this.view(at, at + count);
  }

  /** The bytes between two addresses, where they are. */
  view(start: number, end: number): Uint8Array {
    return new Uint8Array(this.memory.buffer, start, end - start);
  }

  /**
   * If only parts of the kernel are kept: begin again at `target` with the last `window` bytes, to which what follows
   * may refer. Returns by how much they moved down.
   */
  pass(window = 0): number {
    const { at, kept, target } = this;
    const by = at - target - window;
    if (kept === undefined || by <= 0) return 0;
    kept.take(this.view(target, at - window));
    if (window > 0) this.view(target, at).copyWithin(0, by);
    this.passed += by;
    this.run.moved(this.run.from.value, at - by);
    return by;
  }

  /**
   * If only parts of the kernel are kept, and there is more than a match that reaches back by `window` can find before
   * AT_A_TIME bytes have been written over it: begin again at `target`, and leave what was there. Returns by how
   * much it moved down.
   */
  turn(window: number): number {
    const end = this.at;
    if (end - this.target < window + AT_A_TIME + SLACK) return 0;
    const by = this.pass();
    if (by > 0) this.run.turned(end);
    return by;
  }

  /** What was unpacked; nothing, of a kernel whose parts are kept. */
  get unpacked(): Uint8Array {
    this.pass();
    return this.view(this.target, this.at);
  }

  tooMuch(): BadInput {
    return this.bad(`unpacks to more than ${this.limit} bytes`, WRONG_SIZE);
  }

  /** The error that names the offset. */
  bad(what: string, remedy?: string): BadInput {
    return this.packed.bad(this.offset, what, remedy);
  }
}

let module_: Module | undefined;

/** Compiled once. Of the sources, in tests, what the last build made. */
function compiled(): Module {
  module_ ??= new WebAssembly.Module(readBuilt());
  return module_;
}

const BUILT = [__dirname, join(__dirname, "..", "dist", "elfnotes")];

function readBuilt(): Uint8Array {
  for (const folder of BUILT) {
    try {
      return new Uint8Array(readFileSync(join(folder, "decoders.wasm")));
    } catch {
      continue;
    }
  }
  throw new BadInput(join(BUILT[1]!, "decoders.wasm"), "", "is not built", "run npm run build");
}

function pagesOf(bytes: number): number {
  return Math.ceil(bytes / WASM_PAGE);
}

function roundUp(size: number, to: number): number {
  return Math.ceil(size / to) * to;
}
