/** What a line of a recording can be, and what the parsers of all forms share. */

/** An event. */
export const LINE_EVENT = 0;
/** Not an event: a header, or nothing that a recorder writes. */
export const LINE_OTHER = 1;
/** The recorder says that it lost events. */
export const LINE_LOST = 2;
/** An event whose numbers or fields are not what the kernel prints. */
export const LINE_DAMAGED = 3;
/** A line that belongs to an event, and is none of its own (strace). */
export const LINE_REST = 4;

/** Which of the two forms with one event a line it must have. */
export type Form = "perf" | "tracecmd";

/** perf and trace-cmd pad the name of the task to so many columns. */
export const COMM_COLUMNS = 16;

/** Larger numbers are damage: Linux's own limits (PID_MAX_LIMIT, NR_CPUS), and the year 2286. */
export const PID_LIMIT = 4194304;
export const CPU_LIMIT = 8192;
export const SECONDS_LIMIT = 1e10;

/** Clocks that count from 1970 would not be exact in nanoseconds; they are taken from the first event on. */
const EXACT_SECONDS = 4e6;

/** The recorder's clock; whole seconds that rows leave out are set by the first event. */
export class Clock {
  origin: number | undefined;

  /** Nanoseconds, for a row. */
  time(seconds: number, fraction: number): number {
    this.origin ??= seconds > EXACT_SECONDS ? seconds : 0;
    return (seconds - this.origin) * 1e9 + fraction;
  }
}
