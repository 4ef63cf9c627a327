/**
 * Tables of finite state entropy: from a distribution of symbols, what each state stands for and leads to.
 *
 * An entry has 8 bytes: the next state less the bits read for it (2 bytes), how many these are (1), how many bits
 * the symbol's value takes besides (1), and the value without them (4).
 *
 * Mirrors: RFC 8878, 4.1; FSE_readNCount() and ZSTD_buildFSETable(), linux lib/zstd/.
 */

/** Where distributions are read to: a signed 16-bit number a symbol, -1 for "less than one". */
export const COUNTS = <u32>memory.data(256 * 2);

const NEXT = <u32>memory.data(256 * 2);
const SYMBOLS = <u32>memory.data(512);

export let log: u32 = 0;
export let symbols: u32 = 0;

/**
 * Read a distribution to COUNTS; sets `log` and `symbols`. Returns what follows it, or 0 if it is wrong.
 *
 * Mirrors: RFC 8878, 4.1.1.
 */
export function readCounts(at: u32, end: u32, maxLog: u32, maxSymbols: u32): u32 {
  if (at >= end) return 0;
  const stop: u32 = (end - at) << 3;
  log = (load<u8>(at) & 15) + 5;
  if (log > maxLog) return 0;
  let bit: u32 = 4;
  let left: i32 = (1 << log) + 1;
  let symbol: u32 = 0;
  while (left > 1 && symbol < maxSymbols) {
    if (bit >= stop) return 0;
    const width: u32 = 32 - clz<u32>(<u32>left);
    const word: u32 = <u32>(load<u64>(at + (bit >> 3)) >> (bit & 7));
    // Values that cannot be leave room for shorter ones.
    const low: u32 = word & ((1 << (width - 1)) - 1);
    const short: u32 = (1 << width) - 1 - <u32>left;
    let value: u32 = low;
    if (low < short) bit += width - 1;
    else {
      value = word & ((1 << width) - 1);
      if (value >= 1 << (width - 1)) value -= short;
      bit += width;
    }
    const count = <i32>value - 1;
    left -= count < 0 ? -count : count;
    store<i16>(COUNTS + (symbol++ << 1), <i16>count);
    if (count != 0) continue;
    for (let repeat: u32 = 3; repeat == 3;) {
      if (bit >= stop) return 0;
      repeat = ((<u32>load<u16>(at + (bit >> 3))) >> (bit & 7)) & 3;
      bit += 2;
      for (let i: u32 = 0; i < repeat && symbol < maxSymbols; i++) store<i16>(COUNTS + (symbol++ << 1), 0);
    }
  }
  if (left != 1 || bit > stop) return 0;
  symbols = symbol;
  return at + ((bit + 7) >> 3);
}

/**
 * Build the table of 2^log states for the `count` counts at `counts`. `bases` and `extra` say, by symbol, the value
 * (4 bytes) and the bits besides (1); without them, the value is the symbol.
 */
export function buildTable(table: u32, counts: u32, count: u32, tableLog: u32, bases: u32, extra: u32): void {
  const size: u32 = 1 << tableLog;
  const mask = size - 1;
  let high = mask;
  for (let symbol: u32 = 0; symbol < count; symbol++) {
    const n: i32 = load<i16>(counts + (symbol << 1));
    store<u16>(NEXT + (symbol << 1), n < 0 ? 1 : n);
    if (n < 0) store<u8>(SYMBOLS + high--, symbol);
  }
  const step = (size >> 1) + (size >> 3) + 3;
  let position: u32 = 0;
  for (let symbol: u32 = 0; symbol < count; symbol++) {
    const n: i32 = load<i16>(counts + (symbol << 1));
    for (let i = 0; i < n; i++) {
      store<u8>(SYMBOLS + position, symbol);
      do {
        position = (position + step) & mask;
      } while (position > high);
    }
  }
  for (let state: u32 = 0; state < size; state++) {
    const symbol: u32 = load<u8>(SYMBOLS + state);
    const next: u32 = load<u16>(NEXT + (symbol << 1));
    store<u16>(NEXT + (symbol << 1), next + 1);
    const bits = tableLog - (31 - clz<u32>(next));
    setEntry(table + (state << 3), (next << bits) - size, bits, symbol, bases, extra);
  }
}

/** The table of one state, whose symbol needs no bits. */
export function buildSingle(table: u32, symbol: u32, bases: u32, extra: u32): void {
  setEntry(table, 0, 0, symbol, bases, extra);
}

function setEntry(entry: u32, next: u32, bits: u32, symbol: u32, bases: u32, extra: u32): void {
  store<u16>(entry, next);
  store<u8>(entry + 2, bits);
  store<u8>(entry + 3, bases != 0 ? load<u8>(extra + symbol) : 0);
  store<u32>(entry + 4, bases != 0 ? load<u32>(bases + (symbol << 2)) : symbol);
}
