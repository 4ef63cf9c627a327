/** Which recorder wrote a text? The one whose parser understands most of the first lines. */
import { EventChunk, Strings } from "./event.js";
import { Clock, LINE_EVENT } from "./line.js";
import { LineParser } from "./line-parsers.js";
import { STRACE_ROWS, StraceParser } from "./strace.js";

export type TraceFormat = "perf" | "tracecmd" | "strace";

const FORMATS: readonly TraceFormat[] = ["perf", "tracecmd", "strace"];

/** The form of `lines`; undefined if none of their parsers understands a line. */
export function detectFormat(lines: readonly Buffer[]): TraceFormat | undefined {
  const understood = FORMATS.map((format) => count(format, lines));
  const most = Math.max(...understood);
  return most === 0 ? undefined : FORMATS[understood.indexOf(most)];
}

function count(format: TraceFormat, lines: readonly Buffer[]): number {
  const chunk = new EventChunk((lines.length + 1) * STRACE_ROWS);
  const strings = new Strings();
  const clock = new Clock();
  const strace = new StraceParser(chunk, strings, clock, () => undefined);
  const parser = new LineParser(format === "strace" ? "perf" : format, clock, strings);
  const answer = (line: Buffer) =>
    format === "strace" ? strace.parse(line, 0, line.length) : parser.parse(line, 0, line.length, chunk);
  return lines.filter((line) => line.length > 0 && answer(line) === LINE_EVENT).length;
}
