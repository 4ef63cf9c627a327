/**
 * Import: a recording's text in, chunks of events out, and a report of all that was not as it should be.
 *
 * Nothing is dropped silently: every line is an event, belongs to one, or is counted in the report with the line
 * where its kind was met first.
 */
import { BadInput } from "../../abi/bad-input.js";
import { Consistency } from "./consistency.js";
import { detectFormat, type TraceFormat } from "./detect-format.js";
import { EventChunk, KIND, Strings } from "./event.js";
import { Findings, type Warning } from "./findings.js";
import { Clock, LINE_DAMAGED, LINE_EVENT, LINE_LOST, LINE_REST } from "./line.js";
import { LineParser } from "./line-parsers.js";
import { LineSplitter } from "./line-splitter.js";
import { readPieces, type ReadResult } from "./read-pieces.js";
import { SPACE } from "./scan.js";
import { STRACE_ROWS, StraceParser } from "./strace.js";

export type { TraceFormat } from "./detect-format.js";
export type { Warning } from "./findings.js";

export interface ImportReport {
  readonly format: TraceFormat;
  /** Lines of the file that are not empty. */
  readonly lines: number;
  /** Lines that are events; a call that strace shows on two lines is one. */
  readonly events: number;
  /** Lines that are no events, and the numbers of the first of them. */
  readonly linesNotUnderstood: number;
  readonly firstLinesNotUnderstood: number[];
  readonly timestampsGoingBack: number;
  /** Nanoseconds of the first and the last event, as in the chunks. */
  readonly firstTime: number;
  readonly lastTime: number;
  /** Whole seconds that the chunks' times leave out: 0, but for clocks that count from 1970. */
  readonly originSeconds: number;
  /** strace's lines that are no calls. */
  readonly other: { readonly exited: number; readonly signal: number };
  readonly warnings: Warning[];
}

export interface ImportOptions {
  /** Refuse any damage. */
  readonly strict?: boolean;
  readonly strings?: Strings;
  /** Where the work could take long: how many events so far. */
  readonly onProgress?: (events: number) => void;
}

/**
 * Gets each chunk when it is full. It may not keep the chunk, unless it answers with another one to be filled next.
 */
export type OnChunk = (chunk: EventChunk, strings: Strings) => EventChunk | void;

/**
 * Import `file`, plain or gzip, in any of the three forms.
 *
 * Errors: BadInput where nothing can be used, and with `strict` where anything is damaged.
 */
export async function importTrace(
  file: string,
  options: ImportOptions,
  onChunk: OnChunk,
): Promise<ImportReport> {
  const importer = new TraceImporter(file, options, onChunk);
  const result = await readPieces(file, (piece) => importer.push(piece));
  return importer.finish(result);
}

/** Lines that are kept until the form is clear: so many, or more where none of them is an event. */
const PROBE_LINES = 50;
const PROBE_LINES_MAX = 1000;
const PROBE_BYTES_MAX = 1 << 20;
/** Numbers of lines that are kept for the report. */
const KEPT_LINES = 10;
const TAB = 0x09;
const HASH = 0x23;

/** The import of one recording that comes in pieces. */
export class TraceImporter {
  private readonly splitter = new LineSplitter((buf, start, end) => this.line(buf, start, end));
  private chunk = new EventChunk();
  private readonly clock = new Clock();
  private readonly strings: Strings;
  private readonly findings: Findings;
  private readonly consistency: Consistency;
  private strace: StraceParser | undefined;
  private parser: LineParser | undefined;
  private format: TraceFormat | undefined;
  private probe: Buffer[] = [];
  private probeBytes = 0;
  private lines = 0;
  private events = 0;
  private notUnderstood = 0;
  private readonly firstNotUnderstood: number[] = [];
  private firstTime = NaN;
  private lastTime = NaN;

  constructor(
    private readonly file: string,
    private readonly options: ImportOptions,
    private readonly onChunk: OnChunk,
  ) {
    this.strings = options.strings ?? new Strings();
    this.findings = new Findings(file, options.strict === true);
    this.consistency = new Consistency(this.findings);
  }

  /** The next bytes of the file; the buffer is not kept. */
  push(piece: Buffer): void {
    this.splitter.push(piece);
  }

  /** After the last piece. Errors: BadInput if there was no event at all. */
  finish(read: ReadResult): ImportReport {
    const endsWithinLine = this.splitter.finish();
    if (this.format === undefined && !this.decide()) throw this.nothingUsable(read);
    if (read.damage !== undefined) this.findings.damage(`compressed data end early (${read.damage})`);
    if (this.events === 0) throw this.nothingUsable(read);
    if (endsWithinLine) this.findings.note("the last line has no line end: it may be cut short");
    this.strace?.finish();
    if (this.chunk.n > 0) this.onChunk(this.chunk, this.strings);
    return {
      format: this.format!,
      lines: this.lines,
      events: this.events,
      linesNotUnderstood: this.notUnderstood,
      firstLinesNotUnderstood: this.firstNotUnderstood,
      timestampsGoingBack: this.consistency.timestampsGoingBack,
      firstTime: this.firstTime,
      lastTime: this.lastTime,
      originSeconds: this.clock.origin ?? 0,
      other: { exited: this.strace?.other.exited ?? 0, signal: this.strace?.other.signal ?? 0 },
      warnings: this.findings.warnings(),
    };
  }

  private line(buf: Buffer, start: number, end: number): void {
    this.findings.line++;
    if (this.format !== undefined) {
      this.parse(buf, start, end);
      return;
    }
    this.probe.push(Buffer.from(buf.subarray(start, end)));
    this.probeBytes += end - start;
    const full = this.probe.length >= PROBE_LINES_MAX || this.probeBytes >= PROBE_BYTES_MAX;
    if (this.probe.length % PROBE_LINES === 0 || full) this.decide(full);
  }

  /** Settle the form, and parse the lines that were kept until now. False if no line is an event; `force` then takes any. */
  private decide(force = false): boolean {
    const probe = this.probe;
    const format = detectFormat(probe);
    if (format === undefined && !force) return false;
    this.format = format ?? "perf";
    if (this.format === "strace") this.strace = this.straceParser();
    else this.parser = new LineParser(this.format, this.clock, this.strings);
    this.findings.line -= probe.length;
    for (const line of probe) {
      this.findings.line++;
      this.parse(line, 0, line.length);
    }
    this.probe = [];
    return true;
  }

  private straceParser(): StraceParser {
    return new StraceParser(this.chunk, this.strings, this.clock, (what) => this.findings.damage(what));
  }

  private parse(buf: Buffer, start: number, end: number): void {
    if (end === start) return;
    this.lines++;
    if (this.parser !== undefined) this.parseEvent(this.parser, buf, start, end);
    else if (this.strace !== undefined) this.parseStrace(this.strace, buf, start, end);
    if (this.chunk.n + STRACE_ROWS > this.chunk.rows) this.flush();
  }

  private parseEvent(parser: LineParser, buf: Buffer, start: number, end: number): void {
    const { chunk } = this;
    const answer = parser.parse(buf, start, end, chunk);
    if (answer !== LINE_EVENT) {
      this.notAnEvent(answer, buf, start, end);
      return;
    }
    const row = chunk.n;
    this.events++;
    this.timeIs(chunk.time[row]!);
    this.consistency.check(chunk, row);
    if (chunk.kind[row] === KIND.OTHER) this.findings.note("events of a kind that is not modelled");
    chunk.n++;
  }

  private parseStrace(strace: StraceParser, buf: Buffer, start: number, end: number): void {
    const answer = strace.parse(buf, start, end);
    if (answer !== LINE_EVENT && answer !== LINE_REST) {
      this.notAnEvent(answer, buf, start, end);
      return;
    }
    if (answer === LINE_EVENT) this.events++;
    if (strace.time < this.lastTime) this.findings.damage("timestamps go back");
    this.timeIs(strace.time);
  }

  private timeIs(time: number): void {
    if (this.events === 1 && Number.isNaN(this.firstTime)) this.firstTime = time;
    this.lastTime = time;
  }

  private flush(): void {
    const { chunk } = this;
    this.options.onProgress?.(this.events);
    this.chunk = this.onChunk(chunk, this.strings) ?? chunk;
    this.chunk.n = 0;
    this.consistency.chunkBegins();
    if (this.strace !== undefined) this.strace.chunk = this.chunk;
  }

  private notAnEvent(answer: number, buf: Buffer, start: number, end: number): void {
    if (isBlank(buf, start, end)) {
      this.lines--;
      return;
    }
    this.notUnderstood++;
    if (this.firstNotUnderstood.length < KEPT_LINES) this.firstNotUnderstood.push(this.findings.line);
    if (answer === LINE_LOST) this.findings.damage("the recorder says that it lost events");
    else if (answer === LINE_DAMAGED) this.findings.damage("events whose numbers or fields are damaged");
    else if (!isHeader(buf, start, end)) this.findings.damage("lines that are no events");
  }

  private nothingUsable(read: ReadResult): BadInput {
    const remedy = "see recordings/README.md for how to record";
    const bad = (what: string, place = "") => new BadInput(this.file, place, what, remedy);
    const lines = this.probe.filter((line) => !isBlank(line, 0, line.length));
    if (read.damage !== undefined) return bad(`compressed data end before the first event (${read.damage})`);
    if (this.findings.line === 0) return bad("is empty");
    if (this.file.endsWith(".gz") && !read.gzip)
      return bad("is named .gz but is not gzip, and holds no event as plain text");
    if (this.lines === 0 && lines.length === 0) return bad("holds blank lines only");
    if (this.lines === 0 && lines.every((line) => isHeader(line, 0, line.length)))
      return bad("holds a header but no event");
    return bad(
      "neither this line nor a later one is an event that perf script, trace-cmd report or strace -f -ttt prints",
      "line 1",
    );
  }
}

/** A line that says something about the recording: trace-cmd's first, `perf script --header`. */
function isHeader(buf: Buffer, start: number, end: number): boolean {
  if (buf[start] === HASH) return true;
  return (
    end - start < 40 && /^(cpus=\d+|version = \S+|CPU \d+ is empty)$/.test(buf.toString("latin1", start, end))
  );
}

function isBlank(buf: Buffer, start: number, end: number): boolean {
  for (let at = start; at < end; at++) if (buf[at] !== SPACE && buf[at] !== TAB) return false;
  return true;
}
