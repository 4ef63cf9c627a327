/**
 * Numbers and names out of bytes: no strings, no regular expressions.
 *
 * A scanner stands in a buffer between `pos` and `end`, which are a line's or a part's bounds; it reads
 * forward from `pos`, or backward from `end`. A scan that does not find what it wants returns NaN (numbers)
 * or false, and the line is then damaged. No scan looks beyond the bounds, so a line costs its own length.
 */

export const SPACE = 0x20;
export const COLON = 0x3a;
export const MINUS = 0x2d;

const ZERO = 0x30;
const NINE = 0x39;
const DOT = 0x2e;
const LETTER_X = 0x78;
/** ASCII letters differ from their capitals in this bit. */
const LOWER = 0x20;
/** Value of each byte as a hexadecimal digit; -1 for the others. */
const HEX = new Int8Array(256).fill(-1);
for (const [value, c] of Buffer.from("0123456789abcdef").entries()) HEX[c] = value;
for (const [value, c] of Buffer.from("ABCDEF").entries()) HEX[c] = 10 + value;

export class Scanner {
  buf: Buffer = Buffer.alloc(0);
  pos = 0;
  end = 0;
  /** Fraction of the time that timestamp() read last, in nanoseconds. */
  fraction = 0;

  set(buf: Buffer, pos: number, end: number): void {
    this.buf = buf;
    this.pos = pos;
    this.end = end;
  }

  skipSpaces(): void {
    const { buf, end } = this;
    let { pos } = this;
    while (pos < end && buf[pos] === SPACE) pos++;
    this.pos = pos;
  }

  get atEnd(): boolean {
    return this.pos === this.end;
  }

  /** A decimal number, perhaps negative. */
  decimal(): number {
    const { buf, end } = this;
    let { pos } = this;
    const negative = pos < end && buf[pos] === MINUS;
    if (negative) pos++;
    const first = pos;
    let value = 0;
    for (; pos < end; pos++) {
      const digit = buf[pos]! - ZERO;
      if (digit < 0 || digit > 9) break;
      value = value * 10 + digit;
    }
    if (pos === first) return NaN;
    this.pos = pos;
    return negative ? -value : value;
  }

  /** Seconds with a fraction: the whole seconds; the fraction goes to `fraction`. */
  timestamp(): number {
    const seconds = this.decimal();
    const { buf, end } = this;
    let { pos } = this;
    if (Number.isNaN(seconds) || pos >= end || buf[pos] !== DOT) return NaN;
    pos++;
    let fraction = 0;
    let digits = 0;
    for (; pos < end; pos++) {
      const digit = buf[pos]! - ZERO;
      if (digit < 0 || digit > 9) break;
      if (digits < 9) {
        fraction = fraction * 10 + digit;
        digits++;
      }
    }
    if (digits === 0) return NaN;
    this.pos = pos;
    this.fraction = fraction * SCALE[digits]!;
    return seconds;
  }

  /** A hexadecimal number after 0x, of up to 64 bits, as a signed one. */
  hex(): number {
    const { buf, pos, end } = this;
    if (pos + 2 >= end || buf[pos] !== ZERO || (buf[pos + 1]! | LOWER) !== LETTER_X) return NaN;
    this.pos = pos + 2;
    return this.hexDigits();
  }

  /** Hexadecimal digits without 0x. */
  hexDigits(): number {
    const { buf, end } = this;
    const first = this.pos;
    let pos = first;
    let value = 0;
    // eight digits and up to eight more: the first half makes the sign, so that kernel addresses stay exact
    for (; pos < end && pos - first < 8; pos++) {
      const digit = HEX[buf[pos]!]!;
      if (digit < 0) break;
      value = value * 16 + digit;
    }
    let low = 0;
    let scale = 1;
    for (; pos < end; pos++) {
      const digit = HEX[buf[pos]!]!;
      if (digit < 0) break;
      low = low * 16 + digit;
      scale *= 16;
    }
    if (pos === first || pos - first > 16) return NaN;
    this.pos = pos;
    const negative = pos - first === 16 && value >= 0x80000000;
    return (negative ? value - 2 ** 32 : value) * scale + low;
  }

  /** Skip `text` if it stands here. */
  literal(text: Buffer): boolean {
    const { buf, pos } = this;
    if (pos + text.length > this.end) return false;
    for (let i = 0; i < text.length; i++) if (buf[pos + i] !== text[i]) return false;
    this.pos = pos + text.length;
    return true;
  }

  /** Move behind the next `text`; false, and no move, if there is none. */
  behind(text: Buffer): boolean {
    const { buf } = this;
    const first = text[0]!;
    const last = this.end - text.length;
    for (let at = this.pos; at <= last; at++) {
      if (buf[at] === first && matches(buf, at, text)) {
        this.pos = at + text.length;
        return true;
      }
    }
    return false;
  }

  /** Index of the last `text` that ends at or before `before`, or -1. */
  lastIndexOf(text: Buffer, before: number): number {
    const { buf, pos } = this;
    const first = text[0]!;
    for (let at = before - text.length; at >= pos; at--) {
      if (buf[at] === first && matches(buf, at, text)) return at;
    }
    return -1;
  }

  /** The decimal number that ends the part, if `label` stands before it; both are then cut off the part. */
  lastDecimal(label: Buffer): number {
    const { buf, pos, end } = this;
    const digits = decimalBackward(buf, end, pos);
    const at = digits - label.length;
    if (digits < 0 || at < pos || !matches(buf, at, label)) return NaN;
    this.pos = digits;
    const value = this.decimal();
    this.pos = pos;
    this.end = at;
    return value;
  }
}

/** Is `text` at `at` in `buf`? */
export function matches(buf: Buffer, at: number, text: Buffer): boolean {
  for (let i = 0; i < text.length; i++) if (buf[at + i] !== text[i]) return false;
  return true;
}

/** Digits of a decimal number that ends before `end` in `buf`: index of its first character, or -1. */
export function decimalBackward(buf: Buffer, end: number, start: number): number {
  let pos = end;
  while (pos > start && buf[pos - 1]! >= ZERO && buf[pos - 1]! <= NINE) pos--;
  if (pos === end) return -1;
  return pos > start && buf[pos - 1] === MINUS ? pos - 1 : pos;
}

const SCALE = [1e9, 1e8, 1e7, 1e6, 1e5, 1e4, 1e3, 1e2, 10, 1];
