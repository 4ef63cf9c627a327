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
import { parseLine } from "./line-parsers.js";
import { LineSplitter } from "./line-splitter.js";
import { readPieces, type ReadResult } from "./read-pieces.js";
import { Scanner } from "./scan.js";
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
export async function importTrace(file: string, options: ImportOptions, onChunk: OnChunk): Promise<ImportReport> {
  const importer = new TraceImporter(file, options, onChunk);
  const result = await readPieces(file, (piece) => importer.push(piece));
  return importer.finish(result);
}

/** Lines that are kept until the form is clear. */
const PROBE_LINES = 50;
/** Numbers of lines that are kept for the report. */
const KEPT_LINES = 10;

/** The import of one recording that comes in pieces. */
export class TraceImporter {
  private readonly splitter = new LineSplitter((buf, start, end) => this.line(buf, start, end));
  private chunk = new EventChunk();
  private readonly scanner = new Scanner();
  private readonly clock = new Clock();
  private readonly strings: Strings;
  private readonly findings: Findings;
  private readonly consistency: Consistency;
  private strace: StraceParser | undefined;
  private format: TraceFormat | undefined;
  private readonly probe: Buffer[] = [];
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
    if (this.format === undefined) this.decide();
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
    if (this.probe.length >= PROBE_LINES) this.decide();
  }

  /** Settle the form, and parse the lines that were kept until now. */
  private decide(): void {
    const probe = this.probe.splice(0);
    const format = detectFormat(probe);
    this.format = format;
    if (format === "strace") this.strace = this.straceParser();
    this.findings.line -= probe.length;
    for (const line of probe) {
      this.findings.line++;
      this.parse(line, 0, line.length);
    }
  }

  private straceParser(): StraceParser {
    return new StraceParser(this.chunk, this.strings, this.clock, (what) => this.findings.damage(what));
  }

  private parse(buf: Buffer, start: number, end: number): void {
    if (end === start) return;
    this.lines++;
    if (this.strace !== undefined) this.parseStrace(this.strace, buf, start, end);
    else this.parseEvent(buf, start, end);
    if (this.chunk.n + STRACE_ROWS > this.chunk.rows) this.flush();
  }

  private parseEvent(buf: Buffer, start: number, end: number): void {
    const { chunk } = this;
    const form = this.format as "perf" | "tracecmd";
    const answer = parseLine(this.scanner, buf, start, end, form, this.clock, chunk, this.strings);
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
    this.notUnderstood++;
    if (this.firstNotUnderstood.length < KEPT_LINES) this.firstNotUnderstood.push(this.findings.line);
    if (answer === LINE_LOST) this.findings.damage("the recorder says that it lost events");
    else if (answer === LINE_DAMAGED) this.findings.damage("events whose numbers or fields are damaged");
    else if (this.format !== "tracecmd" || !isHeader(buf, start, end)) this.findings.damage("lines that are no events");
  }

  private nothingUsable(read: ReadResult): BadInput {
    const remedy = "see recordings/README.md for how to record";
    if (this.findings.line === 0) return new BadInput(this.file, "", "is empty", remedy);
    if (this.file.endsWith(".gz") && !read.gzip) {
      return new BadInput(this.file, "", "is named .gz but is not gzip, and holds no event as plain text", remedy);
    }
    if (this.lines === 0) return new BadInput(this.file, "", "holds blank lines only", remedy);
    return new BadInput(
      this.file,
      "line 1",
      "neither this line nor a later one is an event that perf script, trace-cmd report or strace -f -ttt prints",
      remedy,
    );
  }
}

/** The line that trace-cmd begins with. */
function isHeader(buf: Buffer, start: number, end: number): boolean {
  return end - start < 16 && /^cpus=\d+$/.test(buf.toString("latin1", start, end));
}
