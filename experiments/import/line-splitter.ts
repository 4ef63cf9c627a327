/**
 * Pieces of a file in, lines out, as ranges of bytes; where the pieces are cut does not matter.
 *
 * A line end is a newline, with a carriage return before it or not; a byte order mark at the start is skipped.
 */

const NEWLINE = 0x0a;
const RETURN = 0x0d;
const BOM = Buffer.from([0xef, 0xbb, 0xbf]);
/** A longer line is no recorder's; no more of it is kept. */
const LINE_LIMIT = 1 << 16;

/** Bytes start..end-1 of `buf` are one line, without its line end. */
export type OnLine = (buf: Buffer, start: number, end: number) => void;

export class LineSplitter {
  private rest: Buffer = Buffer.alloc(0);
  private atStart = true;
  /** In a line that is too long: its head has been handed out, the rest is left out. */
  private skipping = false;

  constructor(private readonly onLine: OnLine) {}

  push(piece: Buffer): void {
    let buf = this.rest.length === 0 ? piece : Buffer.concat([this.rest, piece]);
    if (this.atStart) {
      if (buf.length < BOM.length && BOM.subarray(0, buf.length).equals(buf)) {
        this.rest = Buffer.from(buf);
        return;
      }
      this.atStart = false;
      if (buf.subarray(0, BOM.length).equals(BOM)) buf = buf.subarray(BOM.length);
    }
    let start = 0;
    for (let at = buf.indexOf(NEWLINE); at >= 0; at = buf.indexOf(NEWLINE, start)) {
      if (!this.skipping) this.onLine(buf, start, trimReturn(buf, start, at));
      this.skipping = false;
      start = at + 1;
    }
    if (this.skipping) start = buf.length;
    if (buf.length - start > LINE_LIMIT) {
      this.onLine(buf, start, start + LINE_LIMIT);
      this.skipping = true;
      start = buf.length;
    }
    this.rest = Buffer.from(buf.subarray(start)); // a copy: the piece's buffer is used again
  }

  /** The last line, if no line end is behind it. Returns whether there was one. */
  finish(): boolean {
    const { rest } = this;
    this.rest = Buffer.alloc(0);
    const open = rest.length > 0 && !this.atStart;
    if (open) this.onLine(rest, 0, trimReturn(rest, 0, rest.length));
    return open;
  }
}

function trimReturn(buf: Buffer, start: number, end: number): number {
  return end > start && buf[end - 1] === RETURN ? end - 1 : end;
}
