/**
 * A run as a timeline for the Perfetto UI: per pCPU which task runs and which L4 it has loaded, when two pCPUs had
 * one L4, and how much of what Xen did, millisecond by millisecond.
 *
 * Times are the recording's. Events have no length of their own: what a design costs is in the ledger, not here.
 *
 * Mirrors: the JSON object form of the Trace Event Format, which ui.perfetto.dev opens.
 */
import { EV, type EventName, NR_EVENTS } from "../../abi/events.js";
import { CAUSES } from "../../abi/ledger.js";
import { INIT_MM } from "../../linux-mm-model/mm-struct.js";
import type { Machine } from "../../machine/machine.js";
import type { EventChunk, Strings } from "../import/event.js";

/** Rows of the picture ("processes" of the format), in the order in which they are shown. */
const TASKS = 1;
const L4S = 2;
const SHARED = 3;
const COUNTERS = 4;

const ROW_NAMES: readonly (readonly [pid: number, name: string])[] = [
  [TASKS, "task on each pCPU"],
  [L4S, "guest-kernel L4 installed on each vCPU"],
  [SHARED, "two pCPUs with one L4 in %cr3"],
  [COUNTERS, "events per millisecond"],
];

const COUNTED: readonly EventName[] = [
  "syscall_entry",
  "page_fault",
  "mmu_update_items",
  "cr3_write",
  "l4_copy",
  "tlb_flush",
  "ipi_sent",
  "top_sync_fault",
];

/** Nanoseconds between two samples of the counters. */
const SAMPLE_NS = 1e6;

/** One record of the format. Units: ts and dur microseconds. */
export interface TraceEvent {
  readonly name: string;
  readonly ph: "X" | "C" | "M";
  readonly ts: number;
  readonly pid: number;
  readonly tid: number;
  readonly dur?: number;
  readonly args?: Record<string, string | number>;
}

/** A line of the picture, which shows one thing at a time: `key` tells which, 0 for nothing. */
interface Lane {
  readonly pid: number;
  readonly tid: number;
  key: number;
  what: string;
  since: number;
}

export class Timeline {
  private readonly events: TraceEvent[] = [];
  private readonly names = new Map<number, string>();
  private readonly tasks: Lane[];
  private readonly l4s: Lane[];
  private readonly shared: Lane[] = [
    { pid: SHARED, tid: 0, key: 0, what: "", since: 0 },
    { pid: SHARED, tid: 1, key: 0, what: "", since: 0 },
  ];
  private readonly before = new Float64Array(COUNTED.length);
  private first = -1;
  private now = 0;
  private sampled = 0;

  constructor(
    private readonly machine: Machine,
    private readonly strings: Strings,
  ) {
    const { nrCpus } = machine.config.geometry;
    const lanes = (pid: number): Lane[] =>
      Array.from({ length: nrCpus }, (_, tid) => ({ pid, tid, key: 0, what: "", since: 0 }));
    this.tasks = lanes(TASKS);
    this.l4s = lanes(L4S);
  }

  /** Event `i` of `chunk` has been run. */
  after(chunk: EventChunk, i: number): void {
    const { machine } = this;
    const { linux, xen } = machine;
    if (this.first < 0) {
      this.first = chunk.time[i]!;
      this.sampled = this.first;
    }
    this.now = Math.max(this.now, chunk.time[i]!);
    if (chunk.tid[i]! > 0) this.names.set(chunk.tid[i]!, this.strings.text(chunk.comm[i]!));
    for (let cpu = 0; cpu < this.tasks.length; cpu++) {
      const row = linux.percpu.current[cpu]!;
      const tid = row < linux.config.nrCpus ? 0 : linux.tasks.tid[row]!;
      this.show(this.tasks[cpu]!, tid, () => `${this.names.get(tid) ?? "task"} ${tid}`);
      const l4 = xen.vcpus.guest_table[cpu]!;
      this.show(this.l4s[cpu]!, l4, () => this.l4Name(l4));
    }
    this.share(this.shared[0]!, (pcpu) => machine.guest_cr3(pcpu));
    this.share(this.shared[1]!, (pcpu) => machine.xen_cr3(pcpu));
    if (this.now - this.sampled >= SAMPLE_NS) this.sample();
  }

  /** The document. Nothing may be run afterwards. */
  document(): { displayTimeUnit: "ns"; traceEvents: TraceEvent[] } {
    for (const lane of [...this.tasks, ...this.l4s, ...this.shared]) this.show(lane, 0, () => "");
    this.sample();
    const meta = (name: string, pid: number, tid: number, value: string): TraceEvent => ({
      name,
      ph: "M",
      ts: 0,
      pid,
      tid,
      args: { name: value },
    });
    const named = ROW_NAMES.map(([pid, name]) => meta("process_name", pid, 0, name));
    const cpus = this.tasks.flatMap(({ tid }) => [
      meta("thread_name", TASKS, tid, `pCPU ${tid}`),
      meta("thread_name", L4S, tid, `vCPU ${tid}`),
    ]);
    const modes = [
      meta("thread_name", SHARED, 0, "while guests run"),
      meta("thread_name", SHARED, 1, "while Xen runs"),
    ];
    return { displayTimeUnit: "ns", traceEvents: [...named, ...cpus, ...modes, ...this.events] };
  }

  /** `lane` shows `key` from now on; `name` is asked for when that is something else than before. */
  private show(lane: Lane, key: number, name: () => string): void {
    if (lane.key === key) return;
    const { pid, tid, since } = lane;
    if (lane.key !== 0 && this.now > since) {
      this.events.push({
        name: lane.what,
        ph: "X",
        ts: this.micros(since),
        dur: (this.now - since) / 1e3,
        pid,
        tid,
      });
    }
    lane.key = key;
    lane.what = key === 0 ? "" : name();
    lane.since = this.now;
  }

  /** The process whose reference or replica it is, by linear search: asked for when a vCPU loads another. */
  private l4Name(mfn: number): string {
    const { mms, percpu, tasks } = this.machine.linux;
    const cpu = percpu.xen_cr3.indexOf(mfn);
    const mm = cpu < 0 ? -1 : percpu.loaded_mm[cpu]!;
    if (mm === INIT_MM) return `init_mm (0x${mfn.toString(16)})`;
    if (mm >= 0) {
      const row = tasks.mm.indexOf(mm);
      const owner = row < 0 ? `mm ${mms.ctx_id[mm]}` : `process ${tasks.tgid[row]}`;
      return `${owner} (0x${mfn.toString(16)})`;
    }
    return `L4 0x${mfn.toString(16)}`;
  }

  private share(lane: Lane, cr3: (pcpu: number) => number): void {
    for (let p = 0; p < this.tasks.length; p++) {
      for (let q = p + 1; q < this.tasks.length; q++) {
        if (cr3(p) !== cr3(q)) continue;
        this.show(lane, cr3(p), () => `pCPU ${p} and pCPU ${q}: L4 0x${cr3(p).toString(16)}`);
        return;
      }
    }
    this.show(lane, 0, () => "");
  }

  private sample(): void {
    const { counts, nrVcpus } = this.machine.ledger;
    COUNTED.forEach((name, i) => {
      let total = 0;
      for (let row = 0; row < nrVcpus * CAUSES.length; row++) total += counts[row * NR_EVENTS + EV[name]]!;
      const more = total - this.before[i]!;
      this.before[i] = total;
      this.events.push({
        name,
        ph: "C",
        ts: this.micros(this.sampled),
        pid: COUNTERS,
        tid: 0,
        args: { [name]: more },
      });
    });
    this.sampled = this.now;
  }

  private micros(time: number): number {
    return Math.round(time - this.first) / 1e3;
  }
}
