/**
 * A run as a timeline for the Perfetto UI, with two processes. Linux has a track for each vCPU: which task runs, and within
 * it what the kernel was asked for while Xen worked on it; and one for the L4 that it has installed. Xen has a track for
 * each pCPU: on whose behalf it works, and within that on which events; two tracks for pCPUs that have one L4; and counters.
 *
 * An event begins when it was recorded, or when its CPU is done with what came before, and takes its likely price.
 *
 * Mirrors: the JSON object form of the Trace Event Format.
 * Differs: cycles are time at 1 GHz times CYCLES_PER_NS. What Linux executes has no price and takes no time. A recording is not
 *          stretched by what Xen takes: a CPU that Xen keeps busier than it was is late, and catches up.
 */
import { EV, eventDefinition, EVENT_NAMES, type EventName, NR_EVENTS } from "../../abi/events.js";
import { CAUSES } from "../../abi/ledger.js";
import { INIT_MM } from "../../linux-mm-model/mm-struct.js";
import type { Machine } from "../../machine/machine.js";
import { priceOf } from "../costs/price.js";
import type { Profile } from "../costs/profile.js";
import type { EventChunk, Strings } from "../import/event.js";
import { type TraceEvent, TraceParts } from "./trace-parts.js";

const LINUX = 1;
const XEN = 2;

const CYCLES_PER_NS = 2;

/** More is cumbersome to open: then the timeline comes in parts. Units: bytes. */
const LIMIT = 100e6;

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

/** A line of the picture, which shows one thing at a time: `key` tells which, 0 for nothing. Units: ns. */
interface Lane {
  readonly pid: number;
  readonly tid: number;
  key: number;
  what: string;
  since: number;
}

export class Timeline {
  private readonly parts: TraceParts;
  private readonly names = new Map<number, string>();
  private readonly tasks: Lane[];
  private readonly l4s: Lane[];
  private readonly shared: Lane[];
  /** Per vCPU: until when it has work. Units: ns. */
  private readonly busy: Float64Array;
  /** The ledger's counts as they were, and a price for each event. Units: ns. */
  private readonly seen: Float64Array;
  private readonly prices: Float64Array;
  /** Per vCPU, a bit for each cause under which something was counted since the last event. */
  private readonly dirty: Uint32Array;
  private readonly before = new Float64Array(COUNTED.length);
  private first = -1;
  private now = 0;
  private sampled = 0;

  constructor(
    private readonly machine: Machine,
    private readonly strings: Strings,
    profile: Profile,
    limit = LIMIT,
  ) {
    const { nrCpus } = machine.config.geometry;
    const lanes = (pid: number, first: number, n: number): Lane[] =>
      Array.from({ length: n }, (_, i) => ({ pid, tid: first + i, key: 0, what: "", since: 0 }));
    this.tasks = lanes(LINUX, 0, nrCpus);
    this.l4s = lanes(LINUX, nrCpus, nrCpus);
    this.shared = lanes(XEN, nrCpus, 2);
    this.busy = new Float64Array(nrCpus);
    this.seen = machine.ledger.counts.slice();
    this.dirty = new Uint32Array(nrCpus);
    machine.ledger.watch((vcpu, cause) => void (this.dirty[vcpu]! |= 1 << cause));
    this.prices = Float64Array.from(
      EVENT_NAMES,
      (name) => (priceOf(profile, name)?.likely ?? 0) / CYCLES_PER_NS,
    );
    this.parts = new TraceParts(trackNames(nrCpus), limit);
  }

  /** Event `i` of `chunk` has been run. */
  after(chunk: EventChunk, i: number): void {
    const { machine } = this;
    const { linux, xen } = machine;
    if (this.first < 0) this.first = chunk.time[i]!;
    this.now = Math.max(this.now, Math.round(chunk.time[i]! - this.first));
    if (chunk.tid[i]! > 0) this.names.set(chunk.tid[i]!, this.strings.text(chunk.comm[i]!));
    for (let cpu = 0; cpu < this.tasks.length; cpu++) {
      this.work(cpu);
      const row = linux.percpu.current[cpu]!;
      const tid = row < linux.config.nrCpus ? 0 : linux.tasks.tid[row]!;
      const at = Math.max(this.now, this.busy[cpu]!);
      this.show(this.tasks[cpu]!, tid, at, () => `${this.names.get(tid) ?? "task"} ${tid}`);
      const l4 = xen.vcpus.guest_table[cpu]!;
      this.show(this.l4s[cpu]!, l4, this.now, () => this.l4Name(l4));
    }
    this.share(this.shared[0]!, (pcpu) => machine.guest_cr3(pcpu));
    this.share(this.shared[1]!, (pcpu) => machine.xen_cr3(pcpu));
    if (this.now - this.sampled >= SAMPLE_NS) this.sample();
    if (this.parts.isFull) this.nextPart();
  }

  /** The documents, one if all fits. Nothing may be run afterwards. */
  documents(): readonly string[] {
    this.showNothing();
    this.sample();
    return this.parts.documents();
  }

  /** What `cpu` has done since the last event, cause by cause. */
  private work(cpu: number): void {
    const { seen, prices } = this;
    for (let rest = this.dirty[cpu]!; rest !== 0; rest &= rest - 1) {
      const cause = 31 - Math.clz32(rest & -rest);
      const counts = this.machine.ledger.row(cpu, cause);
      const row = (cpu * CAUSES.length + cause) * NR_EVENTS;
      let length = 0;
      for (let event = 0; event < NR_EVENTS; event++) {
        const more = counts[event]! - seen[row + event]!;
        if (more !== 0) length += more * prices[event]!;
      }
      if (Math.round(length) > 0) this.slices(cpu, CAUSES[cause]!, counts, row);
      seen.set(counts, row);
    }
    this.dirty[cpu] = 0;
  }

  /** The slices of one cause: Linux's, Xen's, and within that each event that has a price. */
  private slices(cpu: number, cause: string, counts: Float64Array, row: number): void {
    const start = Math.max(this.now, this.busy[cpu]!);
    const asked: Record<string, number> = {};
    let exact = start;
    let at = start;
    for (let event = 0; event < NR_EVENTS; event++) {
      const more = counts[event]! - this.seen[row + event]!;
      if (more === 0) continue;
      const name = EVENT_NAMES[event]!;
      if (eventDefinition(name).side === "linux") asked[name] = more;
      exact += more * this.prices[event]!;
      const end = Math.round(exact);
      if (end > at) this.slice(name, XEN, cpu, at, end, { count: more });
      at = end;
    }
    this.slice(cause, XEN, cpu, start, at);
    this.slice(cause, LINUX, cpu, start, at, asked);
    this.busy[cpu] = at;
  }

  private slice(
    name: string,
    pid: number,
    tid: number,
    from: number,
    to: number,
    args?: TraceEvent["args"],
  ): void {
    const times = { ts: from / 1e3, dur: Math.round(to - from) / 1e3 };
    this.parts.add({ name, ph: "X", ...times, pid, tid, ...(args === undefined ? {} : { args }) });
  }

  /** `lane` shows `key` from `at` on; `name` is asked for when that is something else than before. */
  private show(lane: Lane, key: number, at: number, name: () => string): void {
    if (lane.key === key) return;
    if (lane.key !== 0 && at > lane.since) this.slice(lane.what, lane.pid, lane.tid, lane.since, at);
    lane.key = key;
    lane.what = key === 0 ? "" : name();
    lane.since = at;
  }

  /** All lanes end here. */
  private showNothing(): void {
    const nothing = (): string => "";
    this.tasks.forEach((lane, cpu) => this.show(lane, 0, Math.max(this.now, this.busy[cpu]!), nothing));
    for (const lane of [...this.l4s, ...this.shared]) this.show(lane, 0, this.now, nothing);
  }

  /** What the lanes show is cut in two. */
  private nextPart(): void {
    const lanes = [...this.tasks, ...this.l4s, ...this.shared];
    const shown = lanes.map(({ key, what }) => ({ key, what }));
    this.showNothing();
    this.parts.cut();
    lanes.forEach((lane, i) => Object.assign(lane, shown[i]));
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
        const name = (): string => `pCPU ${p} and pCPU ${q}: L4 0x${cr3(p).toString(16)}`;
        this.show(lane, cr3(p), this.now, name);
        return;
      }
    }
    this.show(lane, 0, this.now, () => "");
  }

  private sample(): void {
    const { counts, nrVcpus } = this.machine.ledger;
    COUNTED.forEach((name, i) => {
      let total = 0;
      for (let row = 0; row < nrVcpus * CAUSES.length; row++) total += counts[row * NR_EVENTS + EV[name]]!;
      const args = { [name]: total - this.before[i]! };
      this.before[i] = total;
      this.parts.add({ name, ph: "C", ts: this.sampled / 1e3, pid: XEN, tid: 0, args });
    });
    this.sampled = this.now;
  }
}

/** The metadata records that name processes and tracks. */
function trackNames(nrCpus: number): TraceEvent[] {
  const meta = (name: string, pid: number, tid: number, value: string): TraceEvent => ({
    name,
    ph: "M",
    ts: 0,
    pid,
    tid,
    args: { name: value },
  });
  const cpus = Array.from({ length: nrCpus }, (_, cpu) => [
    meta("thread_name", LINUX, cpu, `vCPU ${cpu}`),
    meta("thread_name", LINUX, nrCpus + cpu, `vCPU ${cpu}: L4 of the guest kernel`),
    meta("thread_name", XEN, cpu, `pCPU ${cpu}`),
  ]);
  return [
    meta("process_name", LINUX, 0, "Linux"),
    meta("process_name", XEN, 0, "Xen"),
    ...cpus.flat(),
    meta("thread_name", XEN, nrCpus, "two pCPUs with one L4, while guests run"),
    meta("thread_name", XEN, nrCpus + 1, "two pCPUs with one L4, while Xen runs"),
  ];
}
