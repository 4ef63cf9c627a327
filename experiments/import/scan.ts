/**
 * Numbers and names out of bytes: no strings, no regular expressions.
 *
 * A scanner stands in a buffer between `pos` and `end`. A scan that does not find what it wants returns NaN
 * (numbers) or false, and the line is then damaged.
 */

export const SPACE = 0x20;
export const COLON = 0x3a;

const ZERO = 0x30;
const NINE = 0x39;
const MINUS = 0x2d;
const DOT = 0x2e;

export class Scanner {
  buf: Buffer = Buffer.alloc(0);
  pos = 0;
  end = 0;

  set(buf: Buffer, pos: number, end: number): void {
    this.buf = buf;
    this.pos = pos;
    this.end = end;
  }

  skipSpaces(): void {
    while (this.pos < this.end && this.buf[this.pos] === SPACE) this.pos++;
  }

  /** A decimal number, perhaps negative. */
  decimal(): number {
    const { buf, end } = this;
    let pos = this.pos;
    const negative = buf[pos] === MINUS;
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

  /** Seconds with a fraction, in nanoseconds, exact up to 2^53. */
  nanoseconds(): number {
    const seconds = this.decimal();
    if (Number.isNaN(seconds)) return NaN;
    const { buf, end } = this;
    let pos = this.pos;
    if (pos >= end || buf[pos] !== DOT) return NaN;
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
    return seconds * 1e9 + fraction * SCALE[digits]!;
  }

  /** A hexadecimal number after 0x, of up to 64 bits, as a signed one. */
  hex(): number {
    const { buf, end } = this;
    if (buf[this.pos] !== ZERO || (buf[this.pos + 1]! | 0x20) !== 0x78 || this.pos + 2 >= end) return NaN;
    this.pos += 2;
    return this.hexDigits();
  }

  /** Hexadecimal digits without 0x. */
  hexDigits(): number {
    const { buf, end } = this;
    const first = this.pos;
    let pos = first;
    let high = 0;
    let low = 0;
    for (; pos < end; pos++) {
      const digit = hexDigit(buf[pos]!);
      if (digit < 0) break;
      high = (high % 0x10000000) * 16 + Math.floor(low / 0x10000000);
      low = (low % 0x10000000) * 16 + digit;
    }
    if (pos === first || pos - first > 16) return NaN;
    this.pos = pos;
    return high >= 0x80000000 ? (high - 2 ** 32) * 2 ** 32 + low : high * 2 ** 32 + low;
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
    const at = this.find(text, this.pos);
    if (at < 0) return false;
    this.pos = at + text.length;
    return true;
  }

  /** Move behind the last `text`. */
  behindLast(text: Buffer): boolean {
    const at = this.buf.lastIndexOf(text, this.end - text.length);
    if (at < this.pos) return false;
    this.pos = at + text.length;
    return true;
  }

  private find(text: Buffer, from: number): number {
    const at = this.buf.indexOf(text, from);
    return at >= 0 && at + text.length <= this.end ? at : -1;
  }
}

/** Digits of a decimal number that ends before `end` in `buf`: index of its first character, or -1. */
export function decimalBackward(buf: Buffer, end: number, start: number): number {
  let pos = end;
  while (pos > start && buf[pos - 1]! >= ZERO && buf[pos - 1]! <= NINE) pos--;
  if (pos === end) return -1;
  return pos > start && buf[pos - 1] === MINUS ? pos - 1 : pos;
}

function hexDigit(c: number): number {
  if (c >= ZERO && c <= NINE) return c - ZERO;
  const letter = c | 0x20;
  return letter >= 0x61 && letter <= 0x66 ? letter - 0x57 : -1;
}

const SCALE = [1e9, 1e8, 1e7, 1e6, 1e5, 1e4, 1e3, 1e2, 10, 1];
