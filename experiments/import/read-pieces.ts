/**
 * A file in pieces, plain or gzip (told by its first bytes, not by its name).
 *
 * Unpacking runs beside the parsing, on a thread of its own. A pipe serves as well as a file.
 */
import { once } from "node:events";
import { createReadStream } from "node:fs";
import type { Readable } from "node:stream";
import { createGunzip } from "node:zlib";
import { BadInput } from "../../abi/bad-input.js";

const PIECE_BYTES = 1 << 18;
/** So many are unpacked before the parser has come to them. */
const KEPT_PIECES = 4;

export interface ReadResult {
  readonly gzip: boolean;
  /** The compressed data ended early, or are damaged from some place on: what the decompressor said. */
  readonly damage?: string;
}

/**
 * Read `file` to its end; `onPiece` may not keep the buffer.
 *
 * Errors: BadInput where it cannot be read; whatever `onPiece` throws.
 */
export async function readPieces(file: string, onPiece: (piece: Buffer) => void): Promise<ReadResult> {
  const raw = createReadStream(file, { highWaterMark: PIECE_BYTES });
  let gzip = false;
  try {
    await once(raw, "readable");
    const head = raw.read() as Buffer | null;
    if (head !== null) {
      gzip = head.length >= 2 && head[0] === 0x1f && head[1] === 0x8b;
      raw.unshift(head);
    }
  } catch (error) {
    raw.destroy();
    throw new BadInput(file, "", `cannot be read (${code(error)})`, "name a recording");
  }

  const stream: Readable = gzip ? raw.pipe(createGunzip({ chunkSize: PIECE_BYTES })) : raw;
  const damage = await drain(raw, stream, onPiece);
  if (damage === undefined) return { gzip };
  if (!gzip || damage.from === raw)
    throw new BadInput(file, "", `cannot be read (${code(damage.error)})`, "name a recording");
  return { gzip, damage: (damage.error as Error).message };
}

interface Damage {
  readonly from: Readable;
  readonly error: unknown;
}

/**
 * All pieces, those before an error too.
 *
 * A piece is kept until the stream's own callback has returned: only then does a decompressor begin with the next one,
 * so that both work at once.
 */
function drain(
  raw: Readable,
  stream: Readable,
  onPiece: (piece: Buffer) => void,
): Promise<Damage | undefined> {
  return new Promise((resolve, reject) => {
    const kept: Buffer[] = [];
    let ended = false;
    let damage: Damage | undefined;
    let scheduled = false;
    const schedule = () => {
      if (!scheduled) setImmediate(next);
      scheduled = true;
    };
    const next = () => {
      scheduled = false;
      const piece = kept.shift();
      if (piece === undefined) {
        if (ended) resolve(damage);
        return;
      }
      try {
        onPiece(piece);
      } catch (error) {
        kept.length = 0;
        raw.destroy();
        stream.destroy();
        reject(error as Error);
        return;
      }
      if (stream.isPaused()) stream.resume();
      if (kept.length > 0 || ended) schedule();
    };
    const end = (how?: Damage) => {
      if (!ended) damage = how;
      ended = true;
      schedule();
    };
    const fail = (from: Readable) => (error: unknown) => end({ from, error });
    raw.on("error", fail(raw));
    if (stream !== raw) stream.on("error", fail(stream));
    stream.on("end", () => end());
    stream.on("data", (piece: Buffer) => {
      kept.push(piece);
      if (kept.length === KEPT_PIECES) stream.pause();
      schedule();
    });
  });
}

function code(error: unknown): string {
  return (error as NodeJS.ErrnoException).code ?? (error as Error).message;
}
