/** The form of a summary: what was counted, as one JSON document. */
import type { AddressSpace } from "./address-spaces.js";
import { isInterrupt, isSyscallEntry, KIND, KINDS } from "./event.js";
import type { ImportReport, TraceFormat } from "./import-trace.js";
import type { SummaryCounter } from "./summary-counter.js";
import type { Counts } from "./switches.js";
import type { Process } from "./task-table.js";

export interface SpaceSummary {
  readonly tgid: number;
  readonly comm: string;
  readonly begins_with: string;
  readonly faults: number;
  readonly slots_faulted: number[];
  readonly slots_mapped: number[];
  readonly slots_inherited: number[];
  readonly slots_new: { slot: number; after_s: number; threads_alive: number }[];
}

export interface TraceSummary {
  readonly file: string;
  readonly format: TraceFormat;
  readonly lines: number;
  readonly events_total: number;
  readonly events: Counts;
  /** strace's lines that are no calls. */
  readonly other?: Counts;
  readonly lines_not_understood: number;
  readonly first_lines_not_understood: number[];
  readonly timestamps_going_back?: number;
  readonly first_ts: number;
  readonly last_ts: number;
  readonly duration_s: number;
  readonly cpus?: number[];
  readonly tasks: number;
  readonly switches?: Counts;
  readonly switches_same_process_share?: number | null;
  readonly mm?: Counts;
  readonly mm_change_share?: number | null;
  readonly per_cpu?: Record<string, Counts>;
  readonly page_faults?: Counts;
  readonly syscalls: Counts;
  readonly user_tasks: number;
  readonly processes: number;
  readonly processes_assumed: number;
  readonly threads_per_process_max: number;
  readonly threads_alive_max: number;
  readonly slots_per_process: Record<string, { comm: string; faulted: number[]; mapped: number[] }>;
  readonly slots_faulted_per_process_max: number;
  readonly slots_faulted_histogram: Counts;
  readonly slots_new_total: number;
  readonly slots_new_while_multithreaded: number;
  readonly address_spaces_total: number;
  readonly address_spaces: SpaceSummary[];
  readonly syscalls_entered?: number;
  readonly syscalls_entered_per_process?: Record<string, { comm: string; entered: number }>;
  readonly user_kernel_transitions?: Record<
    string,
    { syscalls_entered: number; page_faults_user: number; total: number }
  >;
  readonly interrupts?: Record<string, Counts>;
}

/** Describe what `c` has counted of `file`. */
export function summaryOf(file: string, report: ImportReport, c: SummaryCounter): TraceSummary {
  const strace = report.format === "strace";
  const processes = c.tasks.userProcesses();
  const spaces = userSpaces(c, strace);
  const cpus = ascending(c.cpus);
  return {
    file,
    format: report.format,
    lines: report.lines,
    events_total: report.events,
    events: events(c, strace),
    ...(strace ? { other: occurring(report.other) } : {}),
    lines_not_understood: report.linesNotUnderstood,
    first_lines_not_understood: report.firstLinesNotUnderstood,
    ...(strace ? {} : { timestamps_going_back: report.timestampsGoingBack }),
    first_ts: seconds(report, report.firstTime),
    last_ts: seconds(report, report.lastTime),
    duration_s: between(report, report.firstTime, report.lastTime),
    ...(strace ? {} : { cpus }),
    tasks: c.tasks.count,
    ...(strace ? {} : switching(c)),
    ...(strace ? {} : { page_faults: c.pageFaults }),
    syscalls: c.syscalls,
    user_tasks: c.tasks.userTids.size,
    processes: processes.length,
    processes_assumed: processes.filter((p) => p.assumed).length,
    threads_per_process_max: most(processes.map((p) => p.userTasks.size)),
    threads_alive_max: most(processes.map((p) => p.aliveMax)),
    ...slots(c, processes, spaces, strace),
    address_spaces_total: spaces.length,
    address_spaces: spaces.map((space) => describeSpace(c, space, report)),
    ...(c.byKind[KIND.sys_enter] === 0 ? {} : transitions(c, processes, cpus)),
  };
}

/** strace shows a fork by the parent's call only: the child's space is one if anything happens in it. */
function userSpaces(c: SummaryCounter, strace: boolean): AddressSpace[] {
  return c.spaces.all
    .filter((s) => s.process.userTasks.size > 0)
    .filter((s) => !strace || s.begins === "exec" || s.mapped.size > 0)
    .sort((a, b) => a.id - b.id);
}

function events(c: SummaryCounter, strace: boolean): Counts {
  const counts: [string, number][] = [];
  for (const [kind, name] of KINDS.entries()) {
    if (kind === KIND.OTHER || c.byKind[kind] === 0) continue;
    if (!strace) counts.push([name, c.byKind[kind]!]);
    else if (isSyscallEntry(kind)) counts.push([name.slice("sys_enter_".length), c.byKind[kind]!]);
  }
  for (const [name, n] of c.otherEvents) counts.push([c.strings.text(name), n]);
  return sorted(Object.fromEntries(counts));
}

function switching(c: SummaryCounter): Partial<TraceSummary> {
  const firstSpaces = new Map<Process, number>();
  for (const space of c.spaces.all)
    if (!firstSpaces.has(space.process)) firstSpaces.set(space.process, space.id);
  const { switches, mm, perCpu } = c.switches.total(
    (tid) => c.tasks.userTids.has(tid),
    (tid) => firstSpaces.get(c.tasks.processOf(c.tasks.get(tid)!)) ?? -tid,
  );
  return {
    switches,
    switches_same_process_share: share(switches.same_process, switches.different_process),
    mm,
    mm_change_share: share(mm.change, mm.same),
    per_cpu: sorted(perCpu),
  };
}

function slots(c: SummaryCounter, processes: Process[], spaces: AddressSpace[], strace: boolean) {
  const histogram: Counts = {};
  for (const space of spaces) histogram[space.faulted.size] = (histogram[space.faulted.size] ?? 0) + 1;
  const fresh = spaces.flatMap((s) => s.newSlots);
  const faulted = new Map(processes.map((p) => [p, union(spaces, p, (s) => s.faulted)]));
  return {
    slots_per_process: Object.fromEntries(
      processes.map((p) => [
        p.tgid,
        {
          comm: comm(c, p),
          faulted: ascending(faulted.get(p)!),
          mapped: mappedSlots(
            union(spaces, p, (s) => s.mapped),
            strace,
          ),
        },
      ]),
    ),
    slots_faulted_per_process_max: most([...faulted.values()].map((set) => set.size)),
    slots_faulted_histogram: histogram,
    slots_new_total: fresh.length,
    slots_new_while_multithreaded: fresh.filter((s) => s.threadsAlive > 1).length,
  };
}

/** Slots of all spaces that a process had of its own. */
function union(
  spaces: AddressSpace[],
  process: Process,
  slots: (space: AddressSpace) => Set<number>,
): Set<number> {
  return new Set(spaces.filter((s) => s.process === process).flatMap((s) => [...slots(s)]));
}

function describeSpace(c: SummaryCounter, space: AddressSpace, report: ImportReport): SpaceSummary {
  const begin =
    space.begins === "before the trace" ? Math.min(space.begin, firstSeen(c, space.process)) : space.begin;
  return {
    tgid: space.process.tgid,
    comm: comm(c, space.process),
    begins_with: space.begins,
    faults: space.faults,
    slots_faulted: ascending(space.faulted),
    slots_mapped: mappedSlots(space.mapped, report.format === "strace"),
    slots_inherited: ascending(space.inherited),
    slots_new: space.newSlots.map((s) => ({
      slot: s.slot,
      after_s: between(report, begin, s.time),
      threads_alive: s.threadsAlive,
    })),
  };
}

/** When a task of the process was first switched to, or ran. */
function firstSeen(c: SummaryCounter, process: Process): number {
  let first = Infinity;
  for (const task of c.tasks.all())
    if (task.user && task.process === process) first = Math.min(first, task.firstSeen);
  return first;
}

/** The fields that need `sys_enter`. */
function transitions(c: SummaryCounter, processes: Process[], cpus: number[]): Partial<TraceSummary> {
  const perCpu = cpus.map((cpu) => {
    const entered = c.enteredOnCpu.get(cpu) ?? 0;
    const faults = c.userFaultsOnCpu.get(cpu) ?? 0;
    return [cpu, { syscalls_entered: entered, page_faults_user: faults, total: entered + faults }] as const;
  });
  return {
    syscalls_entered: c.byKind[KIND.sys_enter]!,
    syscalls_entered_per_process: Object.fromEntries(
      processes.map((p) => [p.tgid, { comm: comm(c, p), entered: c.entered.get(p.tgid) ?? 0 }]),
    ),
    user_kernel_transitions: Object.fromEntries(perCpu),
    interrupts: interrupts(c, cpus),
  };
}

/** Those that came while a user task ran, by kind and CPU. */
function interrupts(c: SummaryCounter, cpus: number[]): Record<string, Counts> {
  const kinds: Record<string, Counts> = {};
  for (const [kind, byCpu] of c.interrupts) {
    if (!isInterrupt(kind)) continue;
    const counts = cpus.map((cpu) => {
      let n = 0;
      for (const [tid, times] of byCpu.get(cpu) ?? []) if (c.tasks.userTids.has(tid)) n += times;
      return [cpu, n] as const;
    });
    if (counts.some(([, n]) => n > 0))
      kinds[KINDS[kind]!.slice(0, -"_entry".length)] = Object.fromEntries(counts);
  }
  return sorted(kinds);
}

/**
 * Slots of results.
 *
 * Differs: of strace's results only the leading 0 of 0x7f.. is read, so that "mapped" says there that a mapping was
 *          made, not where. The chunks have the whole address.
 */
function mappedSlots(slots: Iterable<number>, strace: boolean): number[] {
  const all = ascending(slots);
  return strace && all.length > 0 ? [0] : all;
}

function comm(c: SummaryCounter, process: Process): string {
  return process.comm < 0 ? "" : c.strings.text(process.comm);
}

/** Seconds of the recorder's clock, as the recording shows them. */
function seconds(report: ImportReport, time: number): number {
  if (report.originSeconds === 0) return time / 1e9;
  const whole = Math.floor(time / 1e9);
  return Number(`${report.originSeconds + whole}.${String(time - whole * 1e9).padStart(9, "0")}`);
}

/** Seconds from one time to another, to the microsecond, as their difference in double precision is. */
function between(report: ImportReport, from: number, to: number): number {
  return Number((seconds(report, to) - seconds(report, from)).toFixed(6));
}

function share(part = 0, rest = 0): number | null {
  return part + rest === 0 ? null : Number((part / (part + rest)).toFixed(4));
}

function most(numbers: number[]): number {
  return numbers.reduce((a, b) => Math.max(a, b), 0);
}

function ascending(numbers: Iterable<number>): number[] {
  return [...numbers].sort((a, b) => a - b);
}

function sorted<T>(record: Record<string, T>): Record<string, T> {
  return Object.fromEntries(Object.entries(record).sort(([a], [b]) => (a < b ? -1 : 1)));
}

function occurring(counts: Counts): Counts {
  return Object.fromEntries(Object.entries(counts).filter(([, n]) => n > 0));
}
