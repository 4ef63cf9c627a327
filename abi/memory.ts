/**
 * The machine's memory as far as anybody reads it: the contents of frames that are, or may become, tables.
 *
 * Shape: words  Uint32Array  nrTables frames of `ptes` entries of 2 words (see page.ts), so that a frame
 *        of 512 entries is 4 KiB, laid out as on the machine.
 * Differs: frames from nrTables up hold data that nobody reads: they read as zero, and stores to them are
 *          dropped. Guests therefore take their pagetable pages from the frames below nrTables.
 */
import type { Mfn } from "./frames.js";
import { PAGE_FLAGS_MASK, PAGE_FRAME_HI_MASK } from "./page.js";
import type { State } from "./state.js";

/** The sizes that a machine is built with; they never change while it lives. */
export interface MemoryGeometry {
  /** Frames of the machine. */
  readonly nrFrames: number;
  /** Of these, the first nrTables hold contents. */
  readonly nrTables: number;
  /** Entries of a table: 512, or fewer for the checker. */
  readonly ptes: number;
}

/** So that the index of a word has 31 bits. */
const MAX_WORDS = 2 ** 31;

/** Words of eight entries. */
export const WORDS_OF_8 = 16;

/** Has none of the eight entries from word `at` on flags? For loops that have found the first to have none. */
export function eight_empty(words: Uint32Array, at: number): boolean {
  const three = words[at + 3]! | words[at + 5]! | words[at + 7]!;
  const four = words[at + 9]! | words[at + 11]! | words[at + 13]! | words[at + 15]!;
  return (three | four) === 0;
}

export class PtMemory {
  readonly words: Uint32Array;
  readonly nrFrames: number;
  readonly nrTables: number;
  readonly ptes: number;

  constructor(state: State, geometry: MemoryGeometry) {
    this.nrFrames = geometry.nrFrames;
    this.nrTables = geometry.nrTables;
    this.ptes = geometry.ptes;
    const words = geometry.nrTables * geometry.ptes * 2;
    if (words > MAX_WORDS) {
      throw new RangeError(`PtMemory: ${geometry.nrTables} tables are more than 8 GiB; lower nrTables`);
    }
    this.words = state.u32(words);
  }

  /** Bytes that the tables take in the state. */
  static bytes(geometry: MemoryGeometry): number {
    return geometry.nrTables * geometry.ptes * 8;
  }

  /** Word index of entry `slot` of `table`; valid for table < nrTables. The hot loops inline it. */
  at(table: number, slot: number): number {
    return (Math.imul(table, this.ptes) + slot) << 1; // an int: the constructor sees to it
  }

  /** Frame of an entry, up to 40 bits; 0 beyond the frames with contents. */
  frame(table: number, slot: number): number {
    if (table >= this.nrTables) return 0;
    const i = this.at(table, slot);
    const high = this.words[i + 1]! >>> 24;
    return high === 0 ? this.words[i]! : this.words[i]! + high * 2 ** 32;
  }

  /** The 24 flags of an entry; 0 beyond the frames with contents. */
  flags(table: number, slot: number): number {
    return table >= this.nrTables ? 0 : this.words[this.at(table, slot) + 1]! & PAGE_FLAGS_MASK;
  }

  /**
   * The first slot from `slot` to below `last` whose entry has flags, or `last`; of a table with contents. Upper tables are all
   * but empty, so it goes by eight where all of them are.
   */
  next_used(table: number, slot: number, last: number = this.ptes): number {
    const { words } = this;
    const end = this.at(table, last);
    let at = this.at(table, slot) + 1;
    for (; at < end; at += 2) {
      if (words[at] !== 0) return last - ((end - at + 1) >> 1);
      if (end - at < 15) continue;
      const next = words[at + 2]! | words[at + 4]! | words[at + 6]! | words[at + 8]!;
      if ((next | words[at + 10]! | words[at + 12]! | words[at + 14]!) === 0) at += 14;
    }
    return last;
  }

  /** The last slot up to `slot` whose entry has flags, or -1; likewise. */
  last_used(table: number, slot: number): number {
    const { words } = this;
    const start = this.at(table, 0);
    let at = this.at(table, slot) + 1;
    for (; at > start; at -= 2) {
      if (words[at] !== 0) return (at - start) >> 1;
      if (at - start < 15) continue;
      const next = words[at - 2]! | words[at - 4]! | words[at - 6]! | words[at - 8]!;
      if ((next | words[at - 10]! | words[at - 12]! | words[at - 14]!) === 0) at -= 14;
    }
    return -1;
  }

  /** Store a whole entry. `frame` may have 40 bits, `flags` 24. */
  set(table: number, slot: number, frame: number, flags: number): void {
    if (table >= this.nrTables) return;
    const i = this.at(table, slot);
    this.words[i] = frame; // the low 32 bits: a typed array stores modulo 2^32
    this.words[i + 1] = frame < 2 ** 32 ? flags : ((frame / 2 ** 32) << 24) | flags;
  }

  /** Store the flags of an entry; its frame stays. */
  set_flags(table: number, slot: number, flags: number): void {
    if (table >= this.nrTables) return;
    const i = this.at(table, slot) + 1;
    this.words[i] = (this.words[i]! & PAGE_FRAME_HI_MASK) | flags;
  }

  /** Zero a frame. Mirrors: clear_page(). */
  clear_page(table: Mfn): void {
    if (table >= this.nrTables) return;
    const first = this.at(table, 0);
    this.words.fill(0, first, first + 2 * this.ptes);
  }

  /** Copy a frame. Mirrors: copy_page(). */
  copy_page(to: Mfn, from: Mfn): void {
    if (to >= this.nrTables) return;
    if (from >= this.nrTables) this.clear_page(to);
    else this.words.copyWithin(this.at(to, 0), this.at(from, 0), this.at(from, 0) + 2 * this.ptes);
  }
}
