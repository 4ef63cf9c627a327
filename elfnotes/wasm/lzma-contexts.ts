/** The contexts of LZMA's bits, of which each has a probability. Mirrors: lzma_dec, linux lib/xz/xz_lzma2.h. */

export const STATES: u32 = 12;
export const POS_STATES: u32 = 16;
export const LEN_STATES: u32 = 4;

/** Where each context's probabilities begin, of two bytes each. A length takes choice, choice2, low, mid, high. */
export const LEN_LOW: u32 = 2;
export const LEN_MID: u32 = LEN_LOW + POS_STATES * 8;
export const LEN_HIGH: u32 = LEN_MID + POS_STATES * 8;
export const LEN_SIZE: u32 = LEN_HIGH + 256;
export const IS_MATCH: u32 = 0;
export const IS_REP: u32 = IS_MATCH + STATES * POS_STATES;
export const IS_REP_G0: u32 = IS_REP + STATES;
export const IS_REP_G1: u32 = IS_REP_G0 + STATES;
export const IS_REP_G2: u32 = IS_REP_G1 + STATES;
export const IS_REP0_LONG: u32 = IS_REP_G2 + STATES;
export const POS_SLOT: u32 = IS_REP0_LONG + STATES * POS_STATES;
export const POS_SPECIAL: u32 = POS_SLOT + LEN_STATES * 64;
export const ALIGN: u32 = POS_SPECIAL + 128;
export const LENGTH: u32 = ALIGN + 16;
export const REP_LENGTH: u32 = LENGTH + LEN_SIZE;
export const LITERAL: u32 = REP_LENGTH + LEN_SIZE;
