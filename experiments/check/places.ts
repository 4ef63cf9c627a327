/**
 * Places in the machine's buffer whose values are kept, and put back: as bytes, half words and words, each as wide as its row.
 *
 * Not all as words: a load that is wider than the stores just before it waits until they have left the store buffer, which takes
 * longer than all the rest.
 */
import type { Row } from "./cells.js";

/** A place: where its first byte is, times four, and the logarithm of its bytes. */
const BYTE = 0;
const SHORT = 1;
const WORD = 2;

/** The place of byte `at`, as a field of one byte. */
export function placeOfByte(at: number): number {
  return at * 4 + BYTE;
}

/** The place of word `i` of the buffer. */
export function placeOfWord(i: number): number {
  return i * 16 + WORD;
}

/** The places of fields from..to-1 of `row`. */
export function placesOf(row: Row, from: number, to: number): number[] {
  const width = row.BYTES_PER_ELEMENT;
  const step = Math.min(width, 4);
  const kind = step === 1 ? BYTE : step === 2 ? SHORT : WORD;
  const first = row.byteOffset + from * width;
  return Array.from({ length: ((to - from) * width) / step }, (_, i) => (first + i * step) * 4 + kind);
}

export class Places {
  private readonly bytes: Uint8Array;
  private readonly shorts: Uint16Array;
  private readonly words: Int32Array;
  private readonly byteAt: Uint32Array;
  private readonly shortAt: Uint32Array;
  private readonly wordAt: Uint32Array;
  private readonly keptBytes: Uint8Array;
  private readonly keptShorts: Uint16Array;
  private readonly keptWords: Int32Array;

  constructor(buffer: ArrayBuffer, places: Iterable<number>) {
    const all = Uint32Array.from(new Set(places)).sort();
    const ofKind = (kind: number): Uint32Array =>
      all.filter((place) => (place & 3) === kind).map((place) => place >>> (2 + kind));
    this.bytes = new Uint8Array(buffer);
    this.shorts = new Uint16Array(buffer);
    this.words = new Int32Array(buffer);
    this.byteAt = ofKind(BYTE);
    this.shortAt = ofKind(SHORT);
    this.wordAt = ofKind(WORD);
    this.keptBytes = new Uint8Array(this.byteAt.length);
    this.keptShorts = new Uint16Array(this.shortAt.length);
    this.keptWords = new Int32Array(this.wordAt.length);
  }

  keep(): void {
    const { bytes, shorts, words, byteAt, shortAt, wordAt, keptBytes, keptShorts, keptWords } = this;
    for (let i = 0; i < byteAt.length; i++) keptBytes[i] = bytes[byteAt[i]!]!;
    for (let i = 0; i < shortAt.length; i++) keptShorts[i] = shorts[shortAt[i]!]!;
    for (let i = 0; i < wordAt.length; i++) keptWords[i] = words[wordAt[i]!]!;
  }

  putBack(): void {
    const { bytes, shorts, words, byteAt, shortAt, wordAt, keptBytes, keptShorts, keptWords } = this;
    for (let i = 0; i < byteAt.length; i++) bytes[byteAt[i]!] = keptBytes[i]!;
    for (let i = 0; i < shortAt.length; i++) shorts[shortAt[i]!] = keptShorts[i]!;
    for (let i = 0; i < wordAt.length; i++) words[wordAt[i]!] = keptWords[i]!;
  }
}
