/**
 * One line of `perf script` or `trace-cmd report` text into one row of a chunk.
 *
 *     perf:      HEADER GROUP:EVENT: FIELDS
 *     trace-cmd: HEADER EVENT: FIELDS
 */
import { KIND, type EventChunk, type Strings } from "./event.js";
import { readFields } from "./fields.js";
import { readHeader } from "./header.js";
import { kindOf } from "./kind-names.js";
import { Beginning, KnownBeginnings } from "./known-beginnings.js";
import {
  type Clock,
  COMM_COLUMNS,
  type Form,
  LINE_DAMAGED,
  LINE_EVENT,
  LINE_LOST,
  LINE_OTHER,
} from "./line.js";
import { readPaddedHeader } from "./padded-header.js";
import { COLON, matches, Scanner, SPACE } from "./scan.js";

const LOST_PERF = Buffer.from("PERF_RECORD_LOST");
const LOST_TRACECMD = Buffer.from("EVENTS DROPPED");

/** Events of system calls begin so: sys_enter_futex, sys_exit_futex. */
const SYSCALL = Buffer.from("sys_e");

/** Bytes that names of events are made of. */
const IS_NAME = new Uint8Array(256);
for (const c of Buffer.from("abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789_-"))
  IS_NAME[c] = 1;

/** Parses the lines of one recording. */
export class LineParser {
  private readonly s = new Scanner();
  private readonly header = new Beginning();
  /** trace-cmd does not pad the names of events so that they would end in one column. */
  private readonly known: KnownBeginnings | undefined;

  constructor(
    private readonly form: Form,
    private readonly clock: Clock,
    private readonly strings: Strings,
  ) {
    this.known = form === "perf" ? new KnownBeginnings() : undefined;
  }

  /** Parse bytes start..end-1 of `buf` into row chunk.n, without counting it. */
  parse(buf: Buffer, start: number, end: number, chunk: EventChunk): number {
    const { s, form, header, known } = this;
    if (known?.read(buf, start, end, header)) return this.row(buf, end, chunk);
    if (readPaddedHeader(buf, start, end, form, header)) {
      const answer = this.event(buf, end);
      if (answer === LINE_EVENT) known?.keep(buf, start, end, header);
      if (answer === LINE_EVENT) return this.row(buf, end, chunk);
      if (answer !== LINE_OTHER) return answer;
    }
    for (
      let from = Math.min(start + COMM_COLUMNS, end);
      from > start;
      from = from > start + 1 ? start + 1 : start
    ) {
      let at = from;
      while (readHeader(s, buf, start, at, end, form, header)) {
        const answer = this.event(buf, end);
        if (answer === LINE_EVENT) return this.row(buf, end, chunk);
        if (answer !== LINE_OTHER) return answer;
        at = header.event;
      }
    }
    s.set(buf, start, end);
    return s.behind(form === "perf" ? LOST_PERF : LOST_TRACECMD) ? LINE_LOST : LINE_OTHER;
  }

  /** Read the name of the event behind the header; LINE_OTHER if none is there. */
  private event(buf: Buffer, end: number): number {
    const { header, strings } = this;
    let name = header.event;
    let nameEnd = name;
    while (nameEnd < end && IS_NAME[buf[nameEnd]!] === 1) nameEnd++;
    if (nameEnd === name || nameEnd >= end || buf[nameEnd] !== COLON) return LINE_OTHER;
    if (nameEnd + 1 < end && IS_NAME[buf[nameEnd + 1]!] === 1) {
      if (this.form === "perf") name = nameEnd + 1;
      nameEnd++;
      while (nameEnd < end && IS_NAME[buf[nameEnd]!] === 1) nameEnd++;
      if (nameEnd >= end || buf[nameEnd] !== COLON) return LINE_OTHER;
    }
    if (header.damaged) return LINE_DAMAGED;

    header.kind = kindOf(buf, name, nameEnd);
    header.comm = strings.intern(buf, header.commStart, header.commEnd, header.tid);
    if (header.kind === KIND.OTHER) {
      header.name = strings.intern(buf, name, nameEnd, ~(nameEnd - name));
      header.syscall = nameEnd - name > SYSCALL.length && matches(buf, name, SYSCALL) ? 1 : 0;
    }
    header.fields = nameEnd + 1;
    return LINE_EVENT;
  }

  /** All of the line is in the row, once its fields are read. */
  private row(buf: Buffer, end: number, chunk: EventChunk): number {
    const { s, header, strings } = this;
    const row = chunk.n;
    const { kind } = header;
    chunk.kind[row] = kind;
    chunk.cpu[row] = header.cpu;
    chunk.tid[row] = header.tid;
    chunk.tgid[row] = header.tgid;
    chunk.time[row] = this.clock.time(header.seconds, header.fraction);
    chunk.comm[row] = header.comm;
    if (kind === KIND.OTHER) {
      chunk.a[0][row] = header.name;
      chunk.a[1][row] = header.syscall;
    }
    let { fields } = header;
    while (fields < end && buf[fields] === SPACE) fields++;
    while (end > fields && buf[end - 1] === SPACE) end--;
    s.set(buf, fields, end);
    return readFields(s, kind, chunk, row, strings) ? LINE_EVENT : LINE_DAMAGED;
  }
}
