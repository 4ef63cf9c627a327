/**
 * Lines of Linux's trace: who, where, when, which event, with which fields.
 *
 * Mirrors: Documentation/trace/ftrace.rst, "Output format", without the columns of irq-info, clock x86-tsc.
 */

export interface TraceEvent {
  readonly comm: string;
  readonly pid: number;
  readonly cpu: number;
  /** Cycles of the time stamp counter. */
  readonly time: number;
  readonly name: string;
  readonly fields: string;
}

const LINE = /^ *(.{1,16})-(\d+) +\[(\d+)\] +(?:[^ ]{4,6} +)?(\d+): (\w+): ?(.*)$/;

/** The events of one CPU's trace, in order. `lost`: what the ring buffer had no room for. */
export function parseTrace(text: string): { events: TraceEvent[]; lost: number } {
  const events: TraceEvent[] = [];
  let lost = 0;
  for (const line of text.split("\n")) {
    const dropped = /LOST (\d+) EVENTS/.exec(line);
    if (dropped !== null) lost += Number(dropped[1]);
    const found = LINE.exec(line);
    if (found === null) continue;
    const [, comm, pid, cpu, time, name, fields] = found as unknown as [string, ...string[]];
    events.push({
      comm: comm!.trim(),
      pid: Number(pid),
      cpu: Number(cpu),
      time: Number(time),
      name: name!,
      fields: fields!,
    });
  }
  return { events, lost };
}

/** The value of `name=value` in an event's fields, up to the next blank. */
export function field(event: TraceEvent, name: string): string | undefined {
  return new RegExp(`(?:^| )${name}=(\\S*)`).exec(event.fields)?.[1];
}
