/**
 * LZMA: a range coder gives bits, each with the probability that its context has learnt. Bits make literals, which
 * know the byte before them, and matches, whose four last distances are cheap to name again.
 *
 * Range and code stay in locals, so a bit is written out wherever one is read: as a call, each would pass through
 * memory. The lines are always the same: range and code take a byte, if fewer than 2^24 are left; `bound` is the
 * share of the range that stands for 0; range and code become those of the bit, and the probability learns.
 *
 * Mirrors: unlzma(), linux lib/decompress_unlzma.c; lzma-specification.txt of the LZMA SDK.
 * Differs: the dictionary is what has been unpacked, while that is kept.
 */
import { byteAround, copyAround, reachesAround } from "./around";
import { copyMatch } from "./copy";
import * as C from "./lzma-contexts";
import { DONE, failed, from, MORE, moved, to } from "./state";

export const LZMA_NO_END: u32 = 16;
export const LZMA_TOO_FAR: u32 = 17;
export const LZMA_BEYOND: u32 = 18;

const TOP: u32 = 1 << 24;
const MODEL_BITS: u32 = 11;
const ONE: u32 = 1 << MODEL_BITS;
const MOVE_BITS: u32 = 5;

const LAST_LITERAL_STATE: u32 = 6; // in those, what came before was a literal
const MIN_MATCH: u32 = 2;
const ALIGN_BITS: u32 = 4;
const FIRST_ALIGNED_SLOT: u32 = 14;
const END_MARKER: u32 = 0xffff_ffff;

let range_: u32 = 0xffff_ffff; // these are kept between calls
let code_: u32 = 0;
let state_: u32 = 0;
let rep0_: u32 = 1;
let rep1_: u32 = 1;
let rep2_: u32 = 1;
let rep3_: u32 = 1;

/** All probabilities, at `probs`, are one half; there was no match yet. */
export function lzmaReset(probs: u32, lc: u32, lp: u32): void {
  state_ = 0;
  rep0_ = rep1_ = rep2_ = rep3_ = 1;
  const count = C.LITERAL + (0x300 << (lc + lp));
  for (let i: u32 = 0; i < count; i++) store<u16>(probs + (i << 1), ONE >> 1);
}

/** Begin at the range coder's first byte, to go on with what is unpacked. */
export function lzmaBegin(source: u32): void {
  moved(source + 5, to); // the first byte is always 0
  range_ = 0xffff_ffff;
  code_ = bswap<u32>(load<u32>(source + 1));
}

/**
 * Unpack until `pause` is reached (MORE), or the end marker (DONE); nothing is written at or beyond `stop`. Then
 * `detail` is the code: 0 where the encoder ended.
 * Positions count from `first`, and nothing is below `bottom`; `end` is that of the source.
 */
export function lzma(
  end: u32,
  first: u32,
  bottom: u32,
  probs: u32,
  pause: u32,
  stop: u32,
  lc: u32,
  lp: u32,
  pb: u32,
): u32 {
  const posMask: u32 = (1 << pb) - 1;
  const litMask: u32 = (1 << lp) - 1;
  let at = from;
  let out = to;
  let range = range_;
  let code = code_;
  let state = state_;
  let rep0 = rep0_;
  let rep1 = rep1_;
  let rep2 = rep2_;
  let rep3 = rep3_;
  let prob: u32 = 0;
  let bound: u32 = 0;
  let p: u32 = 0;
  while (out < pause) {
    if (at > end) return failed(LZMA_NO_END, end, out);
    const posState = (out - first) & posMask;
    // is it a match?
    if (range < TOP) {
      range <<= 8;
      code = (code << 8) | (<u32>load<u8>(at++));
    }
    p = probs + ((C.IS_MATCH + (state << 4) + posState) << 1);
    prob = load<u16>(p);
    bound = (range >> MODEL_BITS) * prob;
    if (code < bound) {
      range = bound;
      store<u16>(p, prob + ((ONE - prob) >> MOVE_BITS));
      if (out >= stop) return failed(LZMA_BEYOND, at, out);
      const before: u32 =
        out > bottom ? <u32>load<u8>(out - 1) : out == first ? 0 : byteAround(out, 1, bottom);
      const literal =
        probs + ((C.LITERAL + 0x300 * ((((out - first) & litMask) << lc) + (before >> (8 - lc)))) << 1);
      let symbol: u32 = 1;
      if (state > LAST_LITERAL_STATE) {
        // As long as the bits are those of the byte that the last match would go on with, that is a context.
        let match: u32;
        if (rep0 <= out - bottom) match = load<u8>(out - rep0);
        else if (reachesAround(out, rep0, first, bottom)) match = byteAround(out, rep0, bottom);
        else return failed(LZMA_TOO_FAR, at, out, rep0);
        let matchBit: u32;
        do {
          matchBit = (match >> 7) & 1;
          match <<= 1;
          if (range < TOP) {
            range <<= 8;
            code = (code << 8) | (<u32>load<u8>(at++));
          }
          p = literal + ((((1 + matchBit) << 8) + symbol) << 1);
          prob = load<u16>(p);
          bound = (range >> MODEL_BITS) * prob;
          if (code < bound) {
            range = bound;
            store<u16>(p, prob + ((ONE - prob) >> MOVE_BITS));
            symbol <<= 1;
          } else {
            range -= bound;
            code -= bound;
            store<u16>(p, prob - (prob >> MOVE_BITS));
            symbol = (symbol << 1) | 1;
          }
        } while ((symbol & 1) == matchBit && symbol < 0x100);
      }
      while (symbol < 0x100) {
        if (range < TOP) {
          range <<= 8;
          code = (code << 8) | (<u32>load<u8>(at++));
        }
        p = literal + (symbol << 1);
        prob = load<u16>(p);
        bound = (range >> MODEL_BITS) * prob;
        if (code < bound) {
          range = bound;
          store<u16>(p, prob + ((ONE - prob) >> MOVE_BITS));
          symbol <<= 1;
        } else {
          range -= bound;
          code -= bound;
          store<u16>(p, prob - (prob >> MOVE_BITS));
          symbol = (symbol << 1) | 1;
        }
      }
      store<u8>(out++, symbol);
      state = state < 4 ? 0 : state < 10 ? state - 3 : state - 6;
      continue;
    }
    range -= bound;
    code -= bound;
    store<u16>(p, prob - (prob >> MOVE_BITS));
    // at a distance of before?
    if (range < TOP) {
      range <<= 8;
      code = (code << 8) | (<u32>load<u8>(at++));
    }
    p = probs + ((C.IS_REP + state) << 1);
    prob = load<u16>(p);
    bound = (range >> MODEL_BITS) * prob;
    let lengths = C.LENGTH;
    if (code < bound) {
      range = bound;
      store<u16>(p, prob + ((ONE - prob) >> MOVE_BITS));
    } else {
      range -= bound;
      code -= bound;
      store<u16>(p, prob - (prob >> MOVE_BITS));
      lengths = C.REP_LENGTH;
      moved(at, out);
      range_ = range;
      code_ = code;
      const which = repOf(probs, state, posState);
      at = from;
      range = range_;
      code = code_;
      if (which == SHORT_REP) {
        if (rep0 > out - bottom && !reachesAround(out, rep0, first, bottom)) {
          return failed(LZMA_TOO_FAR, at, out, rep0);
        }
        if (out >= stop) return failed(LZMA_BEYOND, at, out);
        store<u8>(out, byteAround(out, rep0, bottom));
        out++;
        state = state <= LAST_LITERAL_STATE ? 9 : 11;
        continue;
      }
      if (which != 0) {
        const distance = which == 1 ? rep1 : which == 2 ? rep2 : rep3;
        if (which == 3) rep3 = rep2;
        if (which != 1) rep2 = rep1;
        rep1 = rep0;
        rep0 = distance;
      }
    }
    // the length: low, mid or high, and then which of them
    let tree = lengths + C.LEN_LOW + (posState << 3);
    let leaves: u32 = 8;
    let base: u32 = 0;
    if (range < TOP) {
      range <<= 8;
      code = (code << 8) | (<u32>load<u8>(at++));
    }
    p = probs + (lengths << 1);
    prob = load<u16>(p);
    bound = (range >> MODEL_BITS) * prob;
    if (code < bound) {
      range = bound;
      store<u16>(p, prob + ((ONE - prob) >> MOVE_BITS));
    } else {
      range -= bound;
      code -= bound;
      store<u16>(p, prob - (prob >> MOVE_BITS));
      if (range < TOP) {
        range <<= 8;
        code = (code << 8) | (<u32>load<u8>(at++));
      }
      p = probs + ((lengths + 1) << 1);
      prob = load<u16>(p);
      bound = (range >> MODEL_BITS) * prob;
      if (code < bound) {
        range = bound;
        store<u16>(p, prob + ((ONE - prob) >> MOVE_BITS));
        tree = lengths + C.LEN_MID + (posState << 3);
        base = 8;
      } else {
        range -= bound;
        code -= bound;
        store<u16>(p, prob - (prob >> MOVE_BITS));
        tree = lengths + C.LEN_HIGH;
        leaves = 256;
        base = 16;
      }
    }
    let m: u32 = 1;
    do {
      if (range < TOP) {
        range <<= 8;
        code = (code << 8) | (<u32>load<u8>(at++));
      }
      p = probs + ((tree + m) << 1);
      prob = load<u16>(p);
      bound = (range >> MODEL_BITS) * prob;
      if (code < bound) {
        range = bound;
        store<u16>(p, prob + ((ONE - prob) >> MOVE_BITS));
        m <<= 1;
      } else {
        range -= bound;
        code -= bound;
        store<u16>(p, prob - (prob >> MOVE_BITS));
        m = (m << 1) | 1;
      }
    } while (m < leaves);
    let length = base + m - leaves;
    if (lengths == C.REP_LENGTH) state = state <= LAST_LITERAL_STATE ? 8 : 11;
    else {
      // the distance less one: a slot says the two highest bits and how many follow
      state = state <= LAST_LITERAL_STATE ? 7 : 10;
      tree = C.POS_SLOT + (min(length, C.LEN_STATES - 1) << 6);
      m = 1;
      do {
        if (range < TOP) {
          range <<= 8;
          code = (code << 8) | (<u32>load<u8>(at++));
        }
        p = probs + ((tree + m) << 1);
        prob = load<u16>(p);
        bound = (range >> MODEL_BITS) * prob;
        if (code < bound) {
          range = bound;
          store<u16>(p, prob + ((ONE - prob) >> MOVE_BITS));
          m <<= 1;
        } else {
          range -= bound;
          code -= bound;
          store<u16>(p, prob - (prob >> MOVE_BITS));
          m = (m << 1) | 1;
        }
      } while (m < 64);
      const slot = m - 64;
      let distance = slot;
      if (slot >= 4) {
        let bits = (slot >> 1) - 1;
        distance = (2 | (slot & 1)) << bits;
        if (slot < FIRST_ALIGNED_SLOT) tree = C.POS_SPECIAL + distance - slot;
        else {
          // bits without a context, the highest first
          for (let i = bits; i > ALIGN_BITS;) {
            if (range < TOP) {
              range <<= 8;
              code = (code << 8) | (<u32>load<u8>(at++));
            }
            range >>= 1;
            i--;
            if (code >= range) {
              code -= range;
              distance |= 1 << i;
            }
          }
          bits = ALIGN_BITS;
          tree = C.ALIGN;
        }
        m = 1;
        for (let i: u32 = 0; i < bits; i++) {
          if (range < TOP) {
            range <<= 8;
            code = (code << 8) | (<u32>load<u8>(at++));
          }
          p = probs + ((tree + m) << 1);
          prob = load<u16>(p);
          bound = (range >> MODEL_BITS) * prob;
          if (code < bound) {
            range = bound;
            store<u16>(p, prob + ((ONE - prob) >> MOVE_BITS));
            m <<= 1;
          } else {
            range -= bound;
            code -= bound;
            store<u16>(p, prob - (prob >> MOVE_BITS));
            m = (m << 1) | 1;
            distance |= 1 << i;
          }
        }
      }
      if (distance == END_MARKER) {
        keep(at, out, range, code);
        return DONE;
      }
      rep3 = rep2;
      rep2 = rep1;
      rep1 = rep0;
      rep0 = distance + 1;
    }
    length += MIN_MATCH;
    const above = rep0 <= out - bottom;
    if (!above && !reachesAround(out, rep0, first, bottom)) return failed(LZMA_TOO_FAR, at, out, rep0);
    if (length > stop - out) return failed(LZMA_BEYOND, at, out);
    if (above) copyMatch(out, rep0, length);
    else copyAround(out, rep0, length, bottom);
    out += length;
  }
  state_ = state;
  rep0_ = rep0;
  rep1_ = rep1;
  rep2_ = rep2;
  rep3_ = rep3;
  keep(at, out, range, code);
  return MORE;
}

/** Normalised, so that the source has been read as far as the encoder wrote it. */
function keep(at: u32, out: u32, range: u32, code: u32): void {
  if (range < TOP) {
    range <<= 8;
    code = (code << 8) | (<u32>load<u8>(at++));
  }
  range_ = range;
  code_ = code;
  failed(MORE, at, out, code);
}

const SHORT_REP: u32 = 4;

/** Which of the four last distances comes again, or SHORT_REP: the last one, for one byte. Rare, so in memory. */
function repOf(probs: u32, state: u32, posState: u32): u32 {
  if (bit(probs, C.IS_REP_G0 + state) == 0) {
    return bit(probs, C.IS_REP0_LONG + (state << 4) + posState) == 0 ? SHORT_REP : 0;
  }
  if (bit(probs, C.IS_REP_G1 + state) == 0) return 1;
  return 2 + bit(probs, C.IS_REP_G2 + state);
}

function bit(probs: u32, context: u32): u32 {
  if (range_ < TOP) {
    range_ <<= 8;
    code_ = (code_ << 8) | (<u32>load<u8>(from));
    moved(from + 1, to);
  }
  const p = probs + (context << 1);
  const prob: u32 = load<u16>(p);
  const bound = (range_ >> MODEL_BITS) * prob;
  if (code_ < bound) {
    range_ = bound;
    store<u16>(p, prob + ((ONE - prob) >> MOVE_BITS));
    return 0;
  }
  range_ -= bound;
  code_ -= bound;
  store<u16>(p, prob - (prob >> MOVE_BITS));
  return 1;
}
