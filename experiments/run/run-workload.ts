/**
 * One workload under several proposals: one import, one machine per proposal, all fed the same chunks.
 */
import { basename } from "node:path";
import { BadInput } from "../../abi/bad-input.js";
import { CAUSE, type Cause, type EventCounts } from "../../abi/ledger.js";
import type { EventName } from "../../abi/events.js";
import type { Proposal } from "../../abi/proposal.js";
import { defaultGeometry } from "../../machine/geometry.js";
import { Machine } from "../../machine/machine.js";
import { ReusedBytes } from "../../machine/reused-bytes.js";
import { SHIM_MAX_VCPUS } from "../../xen-model/shim/lower-xen.js";
import type { Profile } from "../costs/profile.js";
import { readRecording, type Recording } from "../import/recording.js";
import type { PropertyResult, WorkloadResult } from "../results.js";
import type { EventChunk } from "../import/event.js";
import { compareCounts, type CountsComparison, ProcessCounts } from "./compare-counts.js";
import { Bins } from "./bins.js";
import type { RecordedCounts } from "./recorded-counts.js";
import { Timeline } from "./timeline.js";
import { type Follower, TraceRunner } from "./trace-runner.js";
import { warmUp } from "./warm-up.js";

/** What a worker is given: plain data. */
export interface Cell {
  readonly file: string;
  readonly proposals: readonly Proposal[];
  readonly machine: { readonly pcid: boolean; readonly invpcid: boolean };
  readonly strict: boolean;
}

export interface RunOutcome {
  readonly proposal: string;
  /** Events of the recorded work; what set the stage before it (cause "boot") is left out. */
  readonly counts: EventCounts;
  readonly byCause: Partial<Record<Cause, EventCounts>>;
  readonly perVcpu: EventCounts[];
  /** The same over time (bins.ts). */
  readonly bins: readonly (readonly EventCounts[])[];
  readonly properties: PropertyResult[];
  /** Most bytes of top-level tables at one time: the guest's, and Xen's own roots. */
  readonly memory: { readonly guest: number; readonly xen: number };
  /** Wall-clock; not reproducible. */
  readonly eventsPerSecond: number;
}

export interface CellResult {
  readonly workload: WorkloadResult;
  readonly outcomes: RunOutcome[];
  readonly speed: { readonly importEventsPerSecond: number };
}

/** Name of a recording: redis_bench for recordings/redis_bench.perf.txt.gz. */
export function workloadName(file: string): string {
  return basename(file).replace(/\.(perf|tracecmd|strace)?\.?(txt)?(\.gz)?$/, "") || basename(file);
}

/** One workload under one proposal, with what was asked for on the way. */
export interface SingleRun {
  readonly workload: WorkloadResult;
  readonly outcome: RunOutcome;
  readonly timeline: Timeline | undefined;
  readonly compared: CountsComparison | undefined;
}

/** What a single run is asked for besides its outcome: a timeline, a comparison with recorded xen events. */
interface Extras {
  /** The profile that the timeline's lengths are from; undefined for none. */
  readonly timeline: Profile | undefined;
  readonly counts: RecordedCounts | undefined;
}

/** Run one recording under one proposal. Errors: BadInput where the recording cannot be used. */
export async function runOnce(
  file: string,
  proposal: Proposal,
  options: Pick<Cell, "machine" | "strict"> & Extras,
): Promise<SingleRun> {
  const recording = await readRecording(file, { strict: options.strict });
  const { outcome, notes, ...extras } = run(recording, proposal, options);
  return { workload: describe(file, recording, notes), outcome, ...extras };
}

/** Run one cell. Errors: BadInput where the recording cannot be used. */
export async function runWorkload(cell: Cell): Promise<CellResult> {
  const began = performance.now();
  const recording = await readRecording(cell.file, { strict: cell.strict });
  const importSeconds = (performance.now() - began) / 1000;
  warmUp(recording, cell.proposals, cell.machine);
  const bytes = new ReusedBytes();
  const runs = cell.proposals.map((proposal) => run(recording, proposal, { ...cell, bytes }));
  return {
    workload: describe(cell.file, recording, runs[0]?.notes ?? []),
    outcomes: runs.map((r) => r.outcome),
    speed: { importEventsPerSecond: recording.events / importSeconds },
  };
}

/**
 * Run a recording that has been read under one proposal; with `bytes`, on a machine in these.
 * Errors: BadInput where the guest cannot have so many CPUs.
 */
export function runRecording(recording: Recording, proposal: Proposal, options: RunOptions): RunOutcome {
  return run(recording, proposal, options).outcome;
}

function describe(file: string, recording: Recording, assumed: WorkloadResult["notes"]): WorkloadResult {
  const notes = [...recording.report.warnings, ...assumed];
  const lowerBound = recording.counts.sys_enter === 0;
  if (lowerBound) {
    notes.push({
      what: "no raw_syscalls:sys_enter: XPTI's cost is a lower bound; record with -e raw_syscalls:sys_enter",
      count: 1,
    });
  }
  return {
    name: workloadName(file),
    file: basename(file),
    seconds: recording.seconds,
    events: recording.events,
    cpus: recording.cpus,
    syscalls: recording.counts.sys_enter,
    faults: recording.counts.faults,
    switches: recording.counts.switches,
    lowerBound,
    notes,
  };
}

interface RunOptions extends Pick<Cell, "machine"> {
  readonly bytes?: ReusedBytes;
}

function run(recording: Recording, proposal: Proposal, options: RunOptions & Partial<Extras>) {
  checkLimits(recording, proposal);
  const geometry = defaultGeometry(Math.max(2, recording.cpus));
  const config = { proposal, geometry, ...options.machine, audit: "observe" as const };
  const machine = new Machine(config, options.bytes).boot();
  const timeline =
    options.timeline === undefined ? undefined : new Timeline(machine, recording.strings, options.timeline);
  const processes = options.counts === undefined ? undefined : new ProcessCounts(machine);
  const bins = new Bins(machine, recording.seconds);
  const all = [timeline, processes].filter((one) => one !== undefined);
  const runner = new TraceRunner(machine, all.length === 0 ? bins : new Followers([bins, ...all]));
  const began = performance.now();
  for (const chunk of recording.chunks) runner.consume(chunk);
  const seconds = (performance.now() - began) / 1000;
  const { ledger } = machine;
  const byCause = ledger.collectByCause();
  delete byCause.boot;
  const outcome: RunOutcome = {
    proposal: proposal.name,
    counts: sum(Object.values(byCause)),
    byCause,
    perVcpu: Array.from({ length: geometry.nrCpus }, (_, vcpu) => ledger.collect(vcpu, CAUSE.boot)),
    bins: bins.collect(),
    properties: runner.watch.properties(workloadName(recording.file)),
    memory: runner.memory(),
    eventsPerSecond: recording.events / seconds,
  };
  runner.watch.end();
  const compared = processes && compareCounts(options.counts!, machine, processes);
  return { outcome, notes: runner.notes(), timeline, compared };
}

/** Several as one, told of each row. */
class Followers implements Follower {
  constructor(private readonly all: readonly Follower[]) {}

  after(chunk: EventChunk, i: number): void {
    for (const one of this.all) one.after(chunk, i);
  }
}

/** Errors: BadInput for a recording of more CPUs than the guest can have. */
function checkLimits({ file, cpus }: Recording, { name, xen }: Proposal): void {
  if (xen.container !== "shim" || cpus <= SHIM_MAX_VCPUS) return;
  const what = `was recorded on ${cpus} CPUs, and a guest in xen-shim has at most ${SHIM_MAX_VCPUS} vCPUs (${name})`;
  throw new BadInput(file, "", what, "leave that proposal out, or record on fewer CPUs");
}

function sum(parts: readonly EventCounts[]): EventCounts {
  const total: EventCounts = {};
  for (const part of parts) {
    for (const [name, n] of Object.entries(part) as [EventName, number][])
      total[name] = (total[name] ?? 0) + n;
  }
  return total;
}
