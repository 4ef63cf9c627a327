/**
 * A file as lines, plain or gzip (told by its first bytes, not by its name), in memory that does not grow with it.
 *
 * Lines are handed out as byte ranges of a buffer that is reused for the next piece.
 */
import { createReadStream } from "node:fs";
import { open } from "node:fs/promises";
import { createGunzip } from "node:zlib";
import { BadInput } from "../../abi/bad-input.js";

const PIECE_BYTES = 1 << 18;
const NEWLINE = 0x0a;
const RETURN = 0x0d;
/** A longer line is no recorder's. */
const LINE_LIMIT = 1 << 16;

export interface LineSource {
  /** Bytes start..end-1 of `buf` are one line, without its line end. */
  line(buf: Buffer, start: number, end: number): void;
}

export interface ReadResult {
  /** The file ended within a line: no line end behind the last one. */
  readonly endsWithinLine: boolean;
  /** The compressed data ended early, or are damaged from some place on: what the decompressor said. */
  readonly compression?: string;
}

/** Read `file` to its end. Errors: BadInput where it cannot be opened. */
export async function readLines(file: string, to: LineSource): Promise<ReadResult> {
  const gzip = await isGzip(file);
  const raw = createReadStream(file, { highWaterMark: PIECE_BYTES });
  const stream = gzip ? raw.pipe(createGunzip({ chunkSize: PIECE_BYTES })) : raw;
  raw.on("error", (error) => stream.destroy(error));

  let rest: Buffer = Buffer.alloc(0);
  let first = true;
  let compression: string | undefined;
  try {
    for await (const piece of stream as AsyncIterable<Buffer>) {
      let buf = rest.length === 0 ? piece : Buffer.concat([rest, piece]);
      if (first) {
        first = false;
        if (buf.length >= 3 && buf[0] === 0xef && buf[1] === 0xbb && buf[2] === 0xbf) buf = buf.subarray(3);
      }
      rest = splitLines(buf, to);
    }
  } catch (error) {
    if (!gzip) throw new BadInput(file, "", `cannot be read (${(error as NodeJS.ErrnoException).code})`, "name another file");
    compression = (error as Error).message;
  }
  if (rest.length > 0) to.line(rest, 0, trimReturn(rest, 0, rest.length));
  return { endsWithinLine: rest.length > 0, ...(compression === undefined ? {} : { compression }) };
}

/** Hand out the whole lines of `buf`; returns a copy of what is behind the last line end. */
function splitLines(buf: Buffer, to: LineSource): Buffer {
  let start = 0;
  for (let at = buf.indexOf(NEWLINE); at >= 0; at = buf.indexOf(NEWLINE, start)) {
    to.line(buf, start, trimReturn(buf, start, at));
    start = at + 1;
  }
  if (buf.length - start > LINE_LIMIT) {
    to.line(buf, start, start + LINE_LIMIT);
    return Buffer.alloc(0);
  }
  return Buffer.from(buf.subarray(start));
}

function trimReturn(buf: Buffer, start: number, end: number): number {
  return end > start && buf[end - 1] === RETURN ? end - 1 : end;
}

async function isGzip(file: string): Promise<boolean> {
  const head = Buffer.alloc(2);
  try {
    const handle = await open(file, "r");
    try {
      await handle.read(head, 0, 2, 0);
    } finally {
      await handle.close();
    }
  } catch (error) {
    throw new BadInput(file, "", `cannot be read (${(error as NodeJS.ErrnoException).code})`, "name a recording");
  }
  return head[0] === 0x1f && head[1] === 0x8b;
}
