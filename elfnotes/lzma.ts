/**
 * Unpacking of .lzma files, from before xz.
 *
 * A range coder gives bits, each with the probability that its context has learnt. Bits make literals, which know
 * the byte before them, and matches, whose four last distances are cheap to name again.
 *
 * Mirrors: unlzma(), linux lib/decompress_unlzma.c; lzma-specification.txt of the LZMA SDK.
 * Differs: one pass over memory, so the dictionary is what has been unpacked.
 */
import type { ImageBytes } from "./image-bytes.js";
import { copyMatch, UnpackedBytes } from "./unpacked-bytes.js";

const HEADER = 13; // properties, dictionary, unpacked size

const TOP = 2 ** 24;
const MODEL_BITS = 11;
const HALF = 2 ** (MODEL_BITS - 1);
const MOVE_BITS = 5;

const STATES = 12;
const LAST_LITERAL_STATE = 6; // in those, what came before was a literal
const POS_STATES = 16;
const LEN_STATES = 4;
const MIN_MATCH = 2;
const ALIGN_BITS = 4;
const FIRST_ALIGNED_SLOT = 14;
const END_MARKER = 0xffff_ffff;

/** Where each context's probabilities begin. A length takes choice, choice2, low, mid and high. */
const LEN_LOW = 2;
const LEN_MID = LEN_LOW + POS_STATES * 8;
const LEN_HIGH = LEN_MID + POS_STATES * 8;
const LEN_SIZE = LEN_HIGH + 256;
const IS_MATCH = 0;
const IS_REP = IS_MATCH + STATES * POS_STATES;
const IS_REP_G0 = IS_REP + STATES;
const IS_REP_G1 = IS_REP_G0 + STATES;
const IS_REP_G2 = IS_REP_G1 + STATES;
const IS_REP0_LONG = IS_REP_G2 + STATES;
const POS_SLOT = IS_REP0_LONG + STATES * POS_STATES;
const POS_SPECIAL = POS_SLOT + LEN_STATES * 64;
const ALIGN = POS_SPECIAL + 128;
const LENGTH = ALIGN + 16;
const REP_LENGTH = LENGTH + LEN_SIZE;
const LITERAL = REP_LENGTH + LEN_SIZE;

/** The range decoder. Its numbers have 32 bits, and so live in a typed array, where none is boxed. */
class RangeDecoder {
  /** range, code */
  private readonly rc = new Uint32Array(2);
  at = HEADER + 5;

  constructor(
    private readonly lzma: ImageBytes,
    private readonly probs: Uint16Array,
  ) {
    if (lzma.u8(HEADER, "the lzma range coder") !== 0) throw lzma.bad(HEADER, "is no lzma stream");
    this.rc[0] = 0xffff_ffff;
    this.rc[1] = Buffer.from(lzma.slice(HEADER + 1, 4, "the lzma range coder")).readUInt32BE();
  }

  /** A bit of context `p`. Reading beyond the end gives zeros; the caller sees `at`. */
  bit(p: number): number {
    const { rc, probs } = this;
    const prob = probs[p]!;
    let range = rc[0]!;
    const code = rc[1]!;
    const bound = Math.imul(range >>> MODEL_BITS, prob) >>> 0;
    let bit: number;
    let rest = code;
    if (code < bound) {
      range = bound;
      probs[p] = prob + (((1 << MODEL_BITS) - prob) >> MOVE_BITS);
      bit = 0;
    } else {
      range = (range - bound) >>> 0;
      rest = (code - bound) >>> 0;
      probs[p] = prob - (prob >> MOVE_BITS);
      bit = 1;
    }
    if (range < TOP) {
      range = (range << 8) >>> 0;
      rest = ((rest << 8) | this.lzma.data[this.at++]!) >>> 0;
    }
    rc[0] = range;
    rc[1] = rest;
    return bit;
  }

  /** `count` bits that have no context, the highest first. */
  direct(count: number): number {
    const { rc } = this;
    let value = 0;
    for (let i = 0; i < count; i++) {
      rc[0]! >>>= 1;
      const bit = rc[1]! >= rc[0]! ? 1 : 0;
      if (bit !== 0) rc[1]! -= rc[0]!;
      if (rc[0]! < TOP) {
        rc[0]! <<= 8;
        rc[1] = (rc[1]! << 8) | this.lzma.data[this.at++]!;
      }
      value = value * 2 + bit;
    }
    return value;
  }

  /** `bits` bits, the highest first, each with those before as its context. */
  tree(base: number, bits: number): number {
    let m = 1;
    for (let i = 0; i < bits; i++) m = (m << 1) | this.bit(base + m);
    return m - (1 << bits);
  }

  /** As tree(), the lowest first. */
  reverseTree(base: number, bits: number): number {
    let m = 1;
    let value = 0;
    for (let i = 0; i < bits; i++) {
      const bit = this.bit(base + m);
      m = (m << 1) | bit;
      value |= bit << i;
    }
    return value;
  }

  /** Mirrors: LenDecoder of the specification. */
  length(base: number, posState: number): number {
    if (this.bit(base) === 0) return this.tree(base + LEN_LOW + (posState << 3), 3);
    if (this.bit(base + 1) === 0) return 8 + this.tree(base + LEN_MID + (posState << 3), 3);
    return 16 + this.tree(base + LEN_HIGH, 8);
  }

  /** A distance less one; END_MARKER stands for none. */
  distance(lengthLess: number): number {
    const slot = this.tree(POS_SLOT + 64 * Math.min(lengthLess, LEN_STATES - 1), 6);
    if (slot < 4) return slot;
    const bits = (slot >> 1) - 1;
    const high = (2 | (slot & 1)) * 2 ** bits;
    if (slot < FIRST_ALIGNED_SLOT) return high + this.reverseTree(POS_SPECIAL + high - slot, bits);
    return high + this.direct(bits - ALIGN_BITS) * 2 ** ALIGN_BITS + this.reverseTree(ALIGN, ALIGN_BITS);
  }
}

/**
 * Unpack the file that fills `lzma`, to at most `limit` bytes; to `size`, where that is known.
 *
 * Errors: BadInput, if it is damaged or unpacks to more.
 */
export function unpackLzma(lzma: ImageBytes, limit: number, size?: number): Uint8Array {
  const properties = lzma.u8(0, "the lzma header");
  if (properties >= 9 * 5 * 5) throw lzma.bad(0, `lzma has no properties ${properties}`);
  const lc = properties % 9;
  const lp = Math.floor(properties / 9) % 5;
  const posMask = (1 << Math.floor(properties / 45)) - 1;
  const litMask = (1 << lp) - 1;
  const said = lzma.u64(5, "the lzma header");
  const known = said !== 0xffff_ffff_ffff_ffffn;
  if (known && said > limit) {
    throw lzma.bad(5, `unpacks to ${said} bytes`, `name a kernel of at most ${limit} bytes`);
  }
  const end = known ? Number(said) : Infinity; // else a marker tells

  const out = new UnpackedBytes(lzma, limit, known ? end : size);
  const probs = new Uint16Array(LITERAL + (0x300 << (lc + lp))).fill(HALF);
  const rc = new RangeDecoder(lzma, probs);
  let data = out.data;
  let at = 0;
  let state = 0;
  let [rep0, rep1, rep2, rep3] = [1, 1, 1, 1];
  while (at < end) {
    if (rc.at > lzma.length) throw lzma.bad(lzma.length, "the lzma stream has no end");
    const posState = at & posMask;
    if (rc.bit(IS_MATCH + (state << 4) + posState) === 0) {
      const before = at > 0 ? data[at - 1]! : 0;
      const probsAt = LITERAL + 0x300 * (((at & litMask) << lc) + (before >> (8 - lc)));
      let symbol = 1;
      if (state > LAST_LITERAL_STATE) {
        let match = at >= rep0 ? data[at - rep0]! : 0;
        do {
          const matchBit = (match >> 7) & 1;
          match <<= 1;
          const bit = rc.bit(probsAt + ((1 + matchBit) << 8) + symbol);
          symbol = (symbol << 1) | bit;
          if (matchBit !== bit) break;
        } while (symbol < 0x100);
      }
      while (symbol < 0x100) symbol = (symbol << 1) | rc.bit(probsAt + symbol);
      if (at >= data.length) data = grown(out, at, 1, rc.at);
      data[at++] = symbol;
      state = state < 4 ? 0 : state < 10 ? state - 3 : state - 6;
      continue;
    }

    let length: number;
    if (rc.bit(IS_REP + state) === 0) {
      [rep3, rep2, rep1] = [rep2, rep1, rep0];
      length = rc.length(LENGTH, posState);
      state = state <= LAST_LITERAL_STATE ? 7 : 10;
      const distance = rc.distance(length);
      if (distance === END_MARKER) break;
      rep0 = distance + 1;
    } else {
      if (rc.bit(IS_REP_G0 + state) === 0) {
        if (rc.bit(IS_REP0_LONG + (state << 4) + posState) === 0) {
          if (rep0 > at) throw tooFar(lzma, rc.at, rep0, at);
          if (at >= data.length) data = grown(out, at, 1, rc.at);
          data[at] = data[at - rep0]!;
          at++;
          state = state <= LAST_LITERAL_STATE ? 9 : 11;
          continue;
        }
      } else if (rc.bit(IS_REP_G1 + state) === 0) {
        [rep1, rep0] = [rep0, rep1];
      } else if (rc.bit(IS_REP_G2 + state) === 0) {
        [rep2, rep1, rep0] = [rep1, rep0, rep2];
      } else {
        [rep3, rep2, rep1, rep0] = [rep2, rep1, rep0, rep3];
      }
      length = rc.length(REP_LENGTH, posState);
      state = state <= LAST_LITERAL_STATE ? 8 : 11;
    }
    length += MIN_MATCH;
    if (rep0 > at) throw tooFar(lzma, rc.at, rep0, at);
    if (at + length > end) throw lzma.bad(rc.at, `an lzma match goes beyond the ${end} bytes that were said`);
    if (at + length > data.length) data = grown(out, at, length, rc.at);
    copyMatch(data, at, rep0, length);
    at += length;
  }
  if (rc.at > lzma.length) throw lzma.bad(lzma.length, "the lzma stream has no end");
  if (rc.at < lzma.length) throw lzma.bad(rc.at, "something follows the end of the lzma stream");
  out.length = at;
  return out.whole;
}

function grown(out: UnpackedBytes, at: number, count: number, offset: number): Uint8Array {
  out.length = at;
  return out.room(count, offset);
}

function tooFar(lzma: ImageBytes, offset: number, distance: number, at: number): Error {
  return lzma.bad(Math.min(offset, lzma.length), `an lzma match is ${distance} bytes back, of ${at}`);
}
