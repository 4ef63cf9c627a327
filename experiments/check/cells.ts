/**
 * Fields of the machine's buffer that a checked state keeps, a byte each: lists of where they are, which one loop writes and
 * another reads.
 *
 * A field's value has a kind, which tells what a renaming of vCPUs, tasks, mms and slots does to it (renaming.ts).
 *
 * Shape: bytes, half words and words, of bytes and words first those that no renaming changes; then frames, then L4 entries; each
 *        list in the order in which its fields were added.
 */
import { _PAGE_PRESENT, _PAGE_RW } from "../../abi/page.js";
import { _PAGE_TABLE } from "../../linux-mm-model/xen/prot.js";
import type { FrameNames } from "./frame-names.js";
import { placeOfByte, placeOfWord, placesOf } from "./places.js";

/** Kinds of values, as offsets into Renaming.map. */
export const PLAIN = 0 << 8;
/** A vCPU, or what is below 0. */
export const CPU = 1 << 8;
/** 1 + a vCPU, 0 for none. */
export const HOLDER = 2 << 8;
/** A bit per vCPU. */
export const CPUS = 3 << 8;
/** A task, an mm, or what is below 0. */
export const TASK = 4 << 8;
export const MM = 5 << 8;
/** A top-level slot; 1 + a slot, 0 for none; a bit per slot. */
export const SLOT = 6 << 8;
export const SLOT1 = 7 << 8;
export const SLOTS = 8 << 8;
export const KINDS = 9;

/** What an L4 entry of the user half has, when it is present: as Xen's audit leaves it. */
const L4E = _PAGE_TABLE;

type Row32 = Uint32Array | Int32Array;
export type Row = Uint8Array | Uint16Array | Int16Array | Row32 | Float64Array;

export class Cells {
  private readonly bytes: Uint8Array;
  private readonly shorts: Int16Array;
  private readonly words: Int32Array;
  /** `plain`: what no renaming changes. */
  private readonly plainByteAt: number[] = [];
  private readonly byteAt: number[] = [];
  private readonly byteKind: number[] = [];
  private readonly shortAt: number[] = [];
  private readonly plainWordAt: number[] = [];
  private readonly wordAt: number[] = [];
  private readonly wordKind: number[] = [];
  private readonly wordBase: number[] = [];
  private readonly frameAt: number[] = [];
  private readonly entryAt: number[] = [];

  constructor(buffer: ArrayBuffer) {
    this.bytes = new Uint8Array(buffer);
    this.shorts = new Int16Array(buffer);
    this.words = new Int32Array(buffer);
  }

  /** A field below 256: of two bytes the lower one, which comes first. */
  u8(row: Uint8Array | Uint16Array, i: number, kind = PLAIN): void {
    const at = row.byteOffset + i * row.BYTES_PER_ELEMENT;
    if (kind === PLAIN) {
      this.plainByteAt.push(at);
      return;
    }
    this.byteAt.push(at);
    this.byteKind.push(kind);
  }

  i16(row: Int16Array, i: number): void {
    this.shortAt.push((row.byteOffset >> 1) + i);
  }

  /** A field of -128 to 127, once `base` is taken off. */
  i32(row: Row32, i: number, kind = PLAIN, base = 0): void {
    const at = (row.byteOffset >> 2) + i;
    if (kind === PLAIN && base === 0) {
      this.plainWordAt.push(at);
      return;
    }
    this.wordAt.push(at);
    this.wordKind.push(kind);
    this.wordBase.push(base);
  }

  /** A field that is a frame. */
  frame(row: Row32, i: number): void {
    this.frameAt.push((row.byteOffset >> 2) + i);
  }

  /** An L4 entry, at word `i` of the machine's memory: present, and then where it leads. */
  entry(row: Row32, i: number): void {
    this.entryAt.push((row.byteOffset >> 2) + i);
  }

  /** Places of the fields. */
  places(): number[] {
    const { plainByteAt, byteAt, shortAt, plainWordAt, wordAt, frameAt, entryAt } = this;
    return [
      ...[...plainByteAt, ...byteAt].map(placeOfByte),
      ...shortAt.flatMap((at) => placesOf(this.shorts, at, at + 1)),
      ...[...plainWordAt, ...wordAt, ...frameAt, ...entryAt.flatMap((at) => [at, at + 1])].map(placeOfWord),
    ];
  }

  /** Write all fields to `to` from `p` on, values as `map` has them. Returns where the next goes. */
  write(to: Uint8Array, p: number, map: Uint8Array, names: FrameNames): number {
    const { bytes, plainByteAt, byteAt, byteKind, shorts, shortAt } = this;
    for (let i = 0; i < plainByteAt.length; i++) to[p++] = bytes[plainByteAt[i]!]!;
    for (let i = 0; i < byteAt.length; i++) to[p++] = map[byteKind[i]! | bytes[byteAt[i]!]!]!;
    for (let i = 0; i < shortAt.length; i++) to[p++] = shorts[shortAt[i]!]!;
    const { words, plainWordAt, wordAt, wordKind, wordBase } = this;
    let beyond = 0;
    for (let i = 0; i < plainWordAt.length; i++) {
      const value = words[plainWordAt[i]!]!;
      beyond |= value + 128;
      to[p++] = value;
    }
    for (let i = 0; i < wordAt.length; i++) {
      const value = words[wordAt[i]!]! - wordBase[i]!;
      beyond |= value + 128;
      to[p++] = map[wordKind[i]! | (value & 0xff)]!;
    }
    if (beyond >>> 8 !== 0) throw new RangeError("Cells: a word is no byte; widen the field");
    const { frameAt, entryAt } = this;
    for (let i = 0; i < frameAt.length; i++) to[p++] = names.name(words[frameAt[i]!]!);
    for (let i = 0; i < entryAt.length; i++) {
      const at = entryAt[i]!;
      to[p++] = (words[at + 1]! & _PAGE_PRESENT) === 0 ? 0 : names.name(words[at]!);
    }
    return p;
  }

  /** Read what write() wrote without a renaming. */
  read(from: Uint8Array, p: number, names: FrameNames): number {
    const { bytes, plainByteAt, byteAt, shorts, shortAt, words, plainWordAt, wordAt, wordBase } = this;
    for (let i = 0; i < plainByteAt.length; i++) bytes[plainByteAt[i]!] = from[p++]!;
    for (let i = 0; i < byteAt.length; i++) bytes[byteAt[i]!] = from[p++]!;
    for (let i = 0; i < shortAt.length; i++) shorts[shortAt[i]!] = (from[p++]! << 24) >> 24;
    for (let i = 0; i < plainWordAt.length; i++) words[plainWordAt[i]!] = (from[p++]! << 24) >> 24;
    for (let i = 0; i < wordAt.length; i++) words[wordAt[i]!] = ((from[p++]! << 24) >> 24) + wordBase[i]!;
    const { frameAt, entryAt } = this;
    for (let i = 0; i < frameAt.length; i++) words[frameAt[i]!] = names.meet(from[p++]!);
    for (let i = 0; i < entryAt.length; i++) {
      const at = entryAt[i]!;
      const frame = names.meet(from[p++]!);
      words[at] = frame;
      // a linear entry is read-only
      words[at + 1] = frame === 0 ? 0 : names.isL4(frame) ? L4E & ~_PAGE_RW : L4E;
    }
    return p;
  }
}
