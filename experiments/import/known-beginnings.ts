/**
 * The fast way to read the lines of `perf script` up to their fields: most begin as earlier lines did.
 *
 *     COMM PID/TID [CPU] SECONDS.     the same for all lines of a task on a CPU, for a second
 *     FRACTION:                       read digit by digit
 *     GROUP:EVENT:                    the same for all lines of an event, as perf pads the names to one column
 *
 * Both runs of bytes are compared with what was read before, four bytes at a time. Where either is new, the line is
 * read by readPaddedHeader() (padded-header.ts) or readHeader() (header.ts), and then kept here; so the result is the
 * same.
 */
import { Header } from "./header.js";
import { COLON, SPACE } from "./scan.js";

const ZERO = 0x30;
const FRACTION_DIGITS = 9;
const SCALE = [0, 1e8, 1e7, 1e6, 1e5, 1e4, 1e3, 1e2, 10, 1];

/** Runs that are kept, of each of the two; a power of two. */
const SLOTS = 1024;
/** Longer runs are not kept. */
const RUN_BYTES = 96;
const RUN_WORDS = RUN_BYTES / 4;
/** Bytes of a line of which its first run's slot is made: the end of the task's name, and its numbers. */
const TASK_FROM = 12;
const TASK_TO = 28;
/** The same for the second run: so many bytes at its end. */
const NAME_BYTES = 16;

/** What a line says before its fields. */
export class Beginning extends Header {
  /** KIND of the event. */
  kind = 0;
  /** Name of the task, and of an event that is OTHER; index into Strings. */
  comm = 0;
  name = 0;
  /** Is it a system call's? Of OTHER only. */
  syscall = 0;
  /** Where the fields begin, behind the colon. */
  fields = 0;
}

/** Shape: SLOTS runs of up to RUN_BYTES bytes, each as words (the last overlaps the one before), and its length. */
class Runs {
  private readonly words = new Int32Array(SLOTS * RUN_WORDS);
  private readonly length = new Uint8Array(SLOTS);

  /** Length of the run of `slot` if it stands at `at` in `view`, and ends at or before `end`; 0 if not. */
  at(slot: number, view: DataView, at: number, end: number): number {
    const { words } = this;
    const length = this.length[slot]!;
    const last = at + length - 4;
    if (length === 0 || last + 4 > end) return 0;
    let word = slot * RUN_WORDS;
    for (let pos = at; pos < last; pos += 4) if (view.getInt32(pos, true) !== words[word++]) return 0;
    return view.getInt32(last, true) === words[word] ? length : 0;
  }

  keep(slot: number, view: DataView, at: number, length: number): void {
    if (length < 4 || length > RUN_BYTES) return;
    this.length[slot] = length;
    let word = slot * RUN_WORDS;
    const last = at + length - 4;
    for (let pos = at; pos < last; pos += 4) this.words[word++] = view.getInt32(pos, true);
    this.words[word] = view.getInt32(last, true);
  }
}

/** Shape: SLOTS rows each of what a line's first run says (`task`, seconds), and of what its second does (`event`). */
export class KnownBeginnings {
  private readonly taskRuns = new Runs();
  private readonly tid = new Int32Array(SLOTS);
  private readonly tgid = new Int32Array(SLOTS);
  private readonly cpu = new Int32Array(SLOTS);
  private readonly comm = new Uint32Array(SLOTS);
  private readonly seconds = new Float64Array(SLOTS);

  private readonly eventRuns = new Runs();
  private readonly kind = new Uint8Array(SLOTS);
  private readonly name = new Uint32Array(SLOTS);
  private readonly syscall = new Uint8Array(SLOTS);
  /** Length of the second run, mostly that of all lines of a recording. */
  private eventBytes = NAME_BYTES;

  private buf: Buffer = Buffer.alloc(0);
  private view: DataView = new DataView(new ArrayBuffer(0));

  /** Read the beginning of bytes start..end-1 of `buf` into `b`. False if it is not known. */
  read(buf: Buffer, start: number, end: number, b: Beginning): boolean {
    if (end - start < TASK_TO) return false;
    if (buf !== this.buf) this.look(buf);
    const { view } = this;
    const task = taskSlot(view, start);
    let pos = this.taskRuns.at(task, view, start, end);
    if (pos === 0) return false;
    pos += start;

    let fraction = 0;
    const first = pos;
    for (let d = buf[pos]! - ZERO; d >= 0 && d <= 9; d = buf[++pos]! - ZERO) fraction = fraction * 10 + d;
    const digits = pos - first;
    if (digits === 0 || digits > FRACTION_DIGITS || buf[pos] !== COLON) return false;
    pos++;

    if (pos + this.eventBytes > end) return false;
    const event = eventSlot(view, pos + this.eventBytes);
    const length = this.eventRuns.at(event, view, pos, end);
    if (length === 0) return false;

    b.tid = this.tid[task]!;
    b.tgid = this.tgid[task]!;
    b.cpu = this.cpu[task]!;
    b.comm = this.comm[task]!;
    b.seconds = this.seconds[task]!;
    b.fraction = fraction * SCALE[digits]!;
    b.kind = this.kind[event]!;
    b.name = this.name[event]!;
    b.syscall = this.syscall[event]!;
    b.fields = pos + length - 1;
    return true;
  }

  /** Keep the beginning `b` of bytes start..end-1 of `buf`, which readPaddedHeader() has read the header of. */
  keep(buf: Buffer, start: number, end: number, b: Beginning): void {
    if (end - start < TASK_TO) return;
    if (buf !== this.buf) this.look(buf);
    const { view } = this;
    let second = b.event;
    while (buf[second - 1] === SPACE) second--;
    let fraction = second - 1;
    while (buf[fraction - 1]! >= ZERO) fraction--; // back to the dot, which is below all digits

    const task = taskSlot(view, start);
    this.taskRuns.keep(task, view, start, fraction - start);
    this.tid[task] = b.tid;
    this.tgid[task] = b.tgid;
    this.cpu[task] = b.cpu;
    this.comm[task] = b.comm;
    this.seconds[task] = b.seconds;

    // with the byte behind the colon: if a name went on there, the event's would be that one
    if (b.fields >= end || b.fields + 1 - second < NAME_BYTES) return;
    this.eventBytes = b.fields + 1 - second;
    const event = eventSlot(view, b.fields + 1);
    this.eventRuns.keep(event, view, second, this.eventBytes);
    this.kind[event] = b.kind;
    this.name[event] = b.name;
    this.syscall[event] = b.syscall;
  }

  private look(buf: Buffer): void {
    this.buf = buf;
    this.view = new DataView(buf.buffer, buf.byteOffset, buf.length);
  }
}

function taskSlot(view: DataView, start: number): number {
  return slot(view, start + TASK_FROM, start + TASK_TO);
}

function eventSlot(view: DataView, end: number): number {
  return slot(view, end - NAME_BYTES, end);
}

/** Slot of the words of bytes from..to-1. */
function slot(view: DataView, from: number, to: number): number {
  let h = 0;
  for (let pos = from; pos < to; pos += 4) h = Math.imul(h ^ view.getInt32(pos, true), 0x9e3779b1);
  return (h >>> 16) & (SLOTS - 1);
}
