/**
 * Pieces of a file in, lines out, as ranges of bytes; where the pieces are cut does not matter.
 *
 * A line end is a newline, with a carriage return before it or not; a byte order mark at the start is skipped.
 */

const NEWLINE = 0x0a;
const RETURN = 0x0d;
const EMPTY = Buffer.alloc(0);
const BOM = Buffer.from([0xef, 0xbb, 0xbf]);
/** A longer line is no recorder's; no more of it is kept. */
const LINE_LIMIT = 1 << 16;

/** Bytes start..end-1 of `buf` are one line, without its line end. */
export type OnLine = (buf: Buffer, start: number, end: number) => void;

export class LineSplitter {
  /** What is behind the last line end: the beginning of a line. */
  private rest: Buffer = EMPTY;
  private atStart = true;
  /** In a line that is too long: its head has been handed out, the rest is left out. */
  private skipping = false;

  constructor(private readonly onLine: OnLine) {}

  /** The next piece; it is not kept. */
  push(piece: Buffer): void {
    let buf = piece;
    if (this.atStart) {
      buf = this.rest.length === 0 ? piece : Buffer.concat([this.rest, piece]);
      if (buf.length < BOM.length && BOM.subarray(0, buf.length).equals(buf)) {
        this.rest = Buffer.from(buf);
        return;
      }
      this.rest = EMPTY;
      this.atStart = false;
      if (buf.subarray(0, BOM.length).equals(BOM)) buf = buf.subarray(BOM.length);
    }
    this.lines(buf);
  }

  private lines(buf: Buffer): void {
    let start = 0;
    let at = buf.indexOf(NEWLINE);
    if (at >= 0 && (this.rest.length > 0 || this.skipping)) {
      const line = Buffer.concat([this.rest, buf.subarray(0, at)]);
      if (!this.skipping) this.onLine(line, 0, trimReturn(line, 0, line.length));
      this.rest = EMPTY;
      this.skipping = false;
      start = at + 1;
      at = buf.indexOf(NEWLINE, start);
    }
    for (; at >= 0; at = buf.indexOf(NEWLINE, start)) {
      this.onLine(buf, start, trimReturn(buf, start, at));
      start = at + 1;
    }
    if (this.skipping || start === buf.length) return;
    this.rest = Buffer.concat([this.rest, buf.subarray(start)]); // a copy: the piece's buffer is used again
    if (this.rest.length > LINE_LIMIT) {
      this.onLine(this.rest, 0, LINE_LIMIT);
      this.skipping = true;
      this.rest = EMPTY;
    }
  }

  /** The last line, if no line end is behind it. Returns whether there was one. */
  finish(): boolean {
    const { rest } = this;
    this.rest = EMPTY;
    if (rest.length > 0 && !this.atStart) this.onLine(rest, 0, trimReturn(rest, 0, rest.length));
    return (rest.length > 0 || this.skipping) && !this.atStart;
  }
}

function trimReturn(buf: Buffer, start: number, end: number): number {
  return end > start && buf[end - 1] === RETURN ? end - 1 : end;
}
