/**
 * Import: a recording's text in, chunks of events out, and a report of all that was not as it should be.
 *
 * Nothing is dropped silently: every line is an event, or is counted in the report with the line where its
 * kind was met first.
 */
import { BadInput } from "../../abi/bad-input.js";
import { EventChunk, KIND, Strings } from "./event.js";
import { LINE_DAMAGED, LINE_EVENT, LINE_LOST, parseLine } from "./line-parsers.js";
import { readLines } from "./read-lines.js";
import { Scanner } from "./scan.js";
import { LINE_REST, STRACE_ROWS, StraceParser } from "./strace.js";

export type TraceFormat = "perf" | "tracecmd" | "strace";

export interface Warning {
  readonly what: string;
  readonly count: number;
  /** Line of the first one, from 1. */
  readonly firstLine: number;
}

export interface ImportReport {
  readonly format: TraceFormat;
  /** Lines of the file that are not empty. */
  readonly lines: number;
  readonly events: number;
  /** Lines that are not events, and the first of them. */
  readonly linesNotUnderstood: number;
  readonly firstLinesNotUnderstood: string[];
  readonly timestampsGoingBack: number;
  readonly firstTime: number;
  readonly lastTime: number;
  readonly warnings: Warning[];
}

export interface ImportOptions {
  /** Refuse any damage. */
  readonly strict?: boolean;
  readonly strings?: Strings;
}

/**
 * Import `file`; `onChunk` gets each chunk when it is full, and may not keep it unless it answers with another
 * chunk to be filled next.
 *
 * Errors: BadInput where nothing can be used, and with `strict` where anything is damaged.
 */
export async function importTrace(
  file: string,
  options: ImportOptions,
  onChunk: (chunk: EventChunk, strings: Strings) => EventChunk | void,
): Promise<ImportReport> {
  const importer = new Importer(file, options, onChunk);
  const { endsWithinLine, compression } = await readLines(file, importer);
  return importer.finish(endsWithinLine, compression);
}

const REMEDY = "record again, or leave out --strict";
/** Lines that are kept until the form is clear. */
const PROBE_LINES = 50;
const KEPT_LINES = 5;

class Importer {
  private chunk = new EventChunk();
  private readonly scanner = new Scanner();
  private readonly strings: Strings;
  private strace?: StraceParser;
  private format: TraceFormat | undefined;
  private readonly probe: Buffer[] = [];
  private lineNumber = 0;
  private lines = 0;
  private events = 0;
  private notUnderstood = 0;
  private readonly firstNotUnderstood: string[] = [];
  private back = 0;
  private lastTime = -1;
  private firstTime = NaN;
  private readonly warnings = new Map<string, { count: number; firstLine: number }>();

  constructor(
    private readonly file: string,
    private readonly options: ImportOptions,
    private readonly onChunk: (chunk: EventChunk, strings: Strings) => EventChunk | void,
  ) {
    this.strings = options.strings ?? new Strings();
  }

  line(buf: Buffer, start: number, end: number): void {
    this.lineNumber++;
    if (this.format === undefined) {
      this.probe.push(Buffer.from(buf.subarray(start, end)));
      if (this.probe.length >= PROBE_LINES) this.decide();
      return;
    }
    this.parse(buf, start, end);
  }

  finish(endsWithinLine: boolean, compression: string | undefined): ImportReport {
    if (this.format === undefined) this.decide();
    if (compression !== undefined) this.warn(`compressed data end early (${compression})`);
    if (this.events === 0) throw this.nothingIn(compression);
    const damagedLast = endsWithinLine && this.warnings.size > 0;
    if (damagedLast) this.note("the file ends within a line");
    this.strace?.finish((what) => this.warn(what));
    if (this.chunk.n > 0) this.onChunk(this.chunk, this.strings);
    return {
      format: this.format!,
      lines: this.lines,
      events: this.events,
      linesNotUnderstood: this.notUnderstood,
      firstLinesNotUnderstood: this.firstNotUnderstood,
      timestampsGoingBack: this.back,
      firstTime: this.firstTime,
      lastTime: this.lastTime,
      warnings: [...this.warnings].map(([what, w]) => ({ what, ...w })),
    };
  }

  /** The form whose parser understands most of the first lines. */
  private decide(): void {
    const understood = (form: TraceFormat): number => {
      const chunk = new EventChunk(PROBE_LINES * STRACE_ROWS);
      const strings = new Strings();
      const strace = new StraceParser(chunk, strings);
      return this.probe.filter((line) =>
        form === "strace"
          ? strace.parse(line, 0, line.length) === LINE_EVENT
          : parseLine(this.scanner, line, 0, line.length, form, chunk, strings) === LINE_EVENT,
      ).length;
    };
    const scores = (["perf", "tracecmd", "strace"] as const).map((form) => ({ form, n: understood(form) }));
    const best = scores.reduce((a, b) => (b.n > a.n ? b : a));
    const probe = this.probe.splice(0);
    if (best.n === 0 && probe.every((line) => line.length === 0 || /^cpus=\d+$/.test(line.toString("latin1")))) {
      throw this.nothingIn(undefined);
    }
    this.format = best.form;
    if (best.form === "strace") this.strace = new StraceParser(this.chunk, this.strings);
    this.lineNumber -= probe.length;
    for (const line of probe) {
      this.lineNumber++;
      this.parse(line, 0, line.length);
    }
  }

  private parse(buf: Buffer, start: number, end: number): void {
    if (end === start) return;
    this.lines++;
    const { chunk } = this;
    const answer =
      this.strace !== undefined
        ? this.strace.parse(buf, start, end)
        : parseLine(this.scanner, buf, start, end, this.format as "perf" | "tracecmd", chunk, this.strings);
    if (answer !== LINE_EVENT && answer !== LINE_REST) {
      this.notAnEvent(answer, buf, start, end);
      return;
    }
    const strace = this.strace !== undefined;
    const row = strace ? chunk.n - 1 : chunk.n;
    if (row < 0) return;
    const time = chunk.time[row]!;
    if (time < this.lastTime) {
      this.back++;
      this.warn("timestamps go back");
    }
    if (Number.isNaN(this.firstTime)) this.firstTime = time;
    this.lastTime = time;
    if (answer === LINE_EVENT) this.events++;
    if (!strace && chunk.kind[row] === KIND.OTHER) this.note("events of a kind that is not modelled");
    if (!strace) chunk.n++;
    if (chunk.n + STRACE_ROWS > chunk.rows) {
      const next = this.onChunk(chunk, this.strings);
      this.chunk = next ?? chunk;
      this.chunk.n = 0;
      if (this.strace !== undefined) this.strace.chunk = this.chunk;
    }
  }

  private notAnEvent(answer: number, buf: Buffer, start: number, end: number): void {
    this.notUnderstood++;
    if (this.firstNotUnderstood.length < KEPT_LINES) this.firstNotUnderstood.push(buf.toString("utf8", start, end));
    if (answer === LINE_LOST) this.warn("the recorder says that it lost events");
    else if (answer === LINE_DAMAGED) this.warn("events whose numbers or fields are damaged");
    else if (this.format !== "tracecmd" || !/^cpus=\d+$/.test(buf.toString("latin1", start, end))) {
      this.warn("lines that are no events");
    }
  }

  /** Damage: counted, and refused if strict. */
  private warn(what: string): void {
    if (this.options.strict === true) throw new BadInput(this.file, `line ${this.lineNumber}`, what, REMEDY);
    this.note(what);
  }

  /** Nothing wrong, but worth a count. */
  private note(what: string): void {
    const known = this.warnings.get(what);
    if (known === undefined) this.warnings.set(what, { count: 1, firstLine: this.lineNumber });
    else known.count++;
  }

  private nothingIn(compression: string | undefined): BadInput {
    const why =
      compression !== undefined
        ? `compressed data end before the first event (${compression})`
        : this.lineNumber === 0
          ? "is empty"
          : "holds no event that perf script, trace-cmd report or strace -f would print";
    return new BadInput(this.file, "", why, "see recordings/README.md for how to record");
  }
}
