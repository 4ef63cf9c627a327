/**
 * The xen events of a recorded program, predicted from its Linux events alone, beside those that were recorded.
 *
 * A recording made inside a PV guest comes with the guest's xen:* trace points, counted in total and per process. Each
 * of them is one of the twin's counters, or a sum of them.
 *
 * Differs: what a recording does not show the cause of is counted apart: what set the stage before it (cause "boot":
 *          address spaces of processes that were there), and switches that no line shows ("unseen").
 */
import { EVENT_NAMES, NR_EVENTS, type EventName } from "../../abi/events.js";
import { CAUSE, CAUSES, type EventCounts } from "../../abi/ledger.js";
import type { Machine } from "../../machine/machine.js";
import { CLONE_THREAD } from "../../linux-mm-model/fork.js";
import { type EventChunk, KIND } from "../import/event.js";
import type { RecordedCounts } from "./recorded-counts.js";

const LEVELS = { pud: 2, pmd: 3, pte: 4 } as const;

/** Counters of the twin whose sum is one xen event. */
const XEN_EVENTS: Readonly<Record<string, readonly EventName[]>> = {
  xen_mc_batch: ["mc_batch_none", "mc_batch_mmu", "mc_batch_cpu"],
  xen_mc_callback: ["mc_callback"],
  xen_mc_entry: ["mc_entry"],
  xen_mc_entry_alloc: ["mc_entry"],
  xen_mc_extend_args: [
    "mc_extend_mmu_update_ok",
    "mc_extend_mmu_update_bad_op",
    "mc_extend_mmu_update_no_space",
    "mc_extend_mmuext_op_ok",
    "mc_extend_mmuext_op_bad_op",
    "mc_extend_mmuext_op_no_space",
  ],
  xen_mc_flush: ["mc_flush", "mc_flush_empty"],
  xen_mc_flush_reason: ["mc_flush_forced_args", "mc_flush_forced_batch", "mc_flush_forced_callback"],
  xen_mc_issue: ["mc_issue_none", "mc_issue_mmu", "mc_issue_cpu"],
  xen_mmu_alloc_ptpage: pages("alloc"),
  xen_mmu_release_ptpage: pages("release"),
  xen_mmu_flush_tlb_multi: ["flush_tlb_multi"],
  xen_mmu_flush_tlb_one_user: ["flush_tlb_one_user"],
  xen_mmu_pgd_pin: ["pgd_pin"],
  xen_mmu_pgd_unpin: ["pgd_unpin"],
  xen_mmu_ptep_modify_prot_start: ["ptep_modify_prot_start"],
  xen_mmu_ptep_modify_prot_commit: ["ptep_modify_prot_commit"],
  xen_mmu_set_pte: ["set_pte", "set_pte_kernel"],
  xen_mmu_set_pmd: ["set_pmd"],
  xen_mmu_set_pud: ["set_pud"],
  xen_mmu_set_p4d: ["set_p4d"],
  xen_mmu_write_cr3: ["write_cr3_kernel", "write_cr3_user"],
};

function pages(what: "alloc" | "release"): EventName[] {
  return Object.keys(LEVELS).flatMap((level) => [
    `${what}_${level}_pinned` as EventName,
    `${what}_${level}_unpinned` as EventName,
  ]);
}

const QUEUED: Readonly<Record<string, EventName>> = {
  mmu_update: "mc_entry_mmu_update",
  mmuext_op: "mc_entry_mmuext_op",
  stack_switch: "mc_entry_stack_switch",
  update_va_mapping: "mc_entry_update_va_mapping",
  update_descriptor: "mc_entry_update_descriptor",
};

/** One counter, as it was recorded and as the twin has it. */
export interface Pair {
  readonly recorded: number;
  readonly modelled: number;
}

type Pairs = Record<string, Pair>;

export interface CountsComparison {
  /** By the names of `xen_events_total`. */
  readonly compare: Pairs;
  /** Calls queued, by hypercall; table pages by level; CR3 loads of another value than before. */
  readonly queued: Pairs;
  readonly tables: Pairs;
  readonly write_cr3: Pairs;
  readonly perProcess: Record<string, { comm: string; compare: Pairs }>;
  /** What the recording does not show the cause of, by the same names: in none of the others. */
  readonly apart: Record<string, Record<string, number>>;
}

/** Compare what a machine has counted with what was recorded. */
export function compareCounts(
  recorded: RecordedCounts,
  machine: Machine,
  processes: ProcessCounts,
): CountsComparison {
  const counts = machine.ledger.collect(undefined, ...APART);
  const byCause = machine.ledger.collectByCause();
  const apart: Record<string, Record<string, number>> = {};
  for (const cause of APART) {
    const name = CAUSES[cause]!;
    apart[name] = xenEvents(byCause[name] ?? {});
  }
  const modelled = processes.collect();
  const perProcess: CountsComparison["perProcess"] = {};
  for (const [pid, { comm, events }] of Object.entries(recorded.per_process)) {
    perProcess[pid] = { comm, compare: pairs(events, xenEvents(modelled[pid] ?? {})) };
  }
  return {
    compare: pairs(recorded.xen_events_total, xenEvents(counts)),
    queued: pairs(recorded.queued_calls_by_op, of(QUEUED, counts)),
    tables: tablePairs(recorded.pagetable_pages, counts),
    write_cr3: {
      changed: {
        recorded: (recorded.write_cr3.kernel_changed ?? 0) + (recorded.write_cr3.kernel_first_on_cpu ?? 0),
        modelled: counts.new_baseptr ?? 0,
      },
    },
    perProcess,
    apart,
  };
}

const APART = [CAUSE.boot, CAUSE.unseen] as const;

function xenEvents(counts: EventCounts): Record<string, number> {
  const events: Record<string, number> = {};
  for (const [name, parts] of Object.entries(XEN_EVENTS)) {
    const sum = parts.reduce((total, part) => total + (counts[part] ?? 0), 0);
    if (sum > 0) events[name] = sum;
  }
  return events;
}

function of(names: Readonly<Record<string, EventName>>, counts: EventCounts): Record<string, number> {
  return Object.fromEntries(Object.entries(names).map(([name, event]) => [name, counts[event] ?? 0]));
}

function pairs(recorded: Readonly<Record<string, number>>, modelled: Record<string, number>): Pairs {
  const result: Pairs = {};
  for (const name of Object.keys(recorded)) {
    result[name] = { recorded: recorded[name]!, modelled: modelled[name] ?? 0 };
  }
  return result;
}

/** Table pages by level, pinned or not. */
function tablePairs(recorded: Readonly<Record<string, number>>, counts: EventCounts): Pairs {
  const result: Pairs = {};
  for (const what of ["alloc", "release"] as const) {
    for (const [level, number] of Object.entries(LEVELS)) {
      const name = `${what}_ptpage level ${number}`;
      const made = (state: string): number => counts[`${what}_${level}_${state}` as EventName] ?? 0;
      result[`${what}_${level}`] = {
        recorded: (recorded[`${name} pinned`] ?? 0) + (recorded[`${name} unpinned`] ?? 0),
        modelled: made("pinned") + made("unpinned"),
      };
    }
  }
  return result;
}

/**
 * What each process of a recording did: the ledger is looked at after each event, and what has come since goes to
 * the process that emitted it: "idle" for the idle tasks, "kernel" for tasks that only switch. A switch is the work of
 * the task that leaves.
 */
export class ProcessCounts {
  private readonly byProcess = new Map<string, Float64Array>();
  private before: Float64Array;
  private now: Float64Array;
  private readonly wanted: readonly number[];
  /** Threads seen so far, and the processes they are of. */
  private readonly tgids = new Map<number, number>();

  constructor(private readonly machine: Machine) {
    this.before = new Float64Array(NR_EVENTS);
    this.now = new Float64Array(NR_EVENTS);
    const names = new Set(Object.values(XEN_EVENTS).flat());
    this.wanted = [...names].map((name) => EVENT_NAMES.indexOf(name));
    this.total(this.before);
  }

  /** Row `i` of `chunk` has been run. */
  after(chunk: EventChunk, i: number): void {
    const { before, now } = this;
    this.total(now);
    const process = this.processOf(chunk, i);
    let counts = this.byProcess.get(process);
    if (counts === undefined) {
      counts = new Float64Array(NR_EVENTS);
      this.byProcess.set(process, counts);
    }
    for (const event of this.wanted) counts[event]! += now[event]! - before[event]!;
    this.before = now;
    this.now = before;
  }

  /** Process that emitted row `i`, of which some recordings name the thread only. */
  private processOf(chunk: EventChunk, i: number): string {
    const tid = chunk.tid[i]!;
    const kind = chunk.kind[i]!;
    if (tid === 0) return "idle";
    if (chunk.tgid[i]! > 0) return String(chunk.tgid[i]);
    const known = this.tgids.get(tid);
    if (known === undefined && kind === KIND.sched_switch) return "kernel";
    const tgid = known ?? tid;
    this.tgids.set(tid, tgid);
    if (kind === KIND.task_newtask) {
      const child = chunk.a[0][i]!;
      this.tgids.set(child, (chunk.a[1][i]! & CLONE_THREAD) !== 0 ? tgid : child);
    }
    return String(tgid);
  }

  /** Counts by process. */
  collect(): Record<string, EventCounts> {
    const result: Record<string, EventCounts> = {};
    for (const [process, sums] of this.byProcess) {
      const counts: EventCounts = {};
      for (const event of this.wanted) if (sums[event] !== 0) counts[EVENT_NAMES[event]!] = sums[event]!;
      result[process] = counts;
    }
    return result;
  }

  private total(sums: Float64Array): void {
    const { counts, nrVcpus } = this.machine.ledger;
    for (const event of this.wanted) {
      let sum = 0;
      for (let row = 0; row < nrVcpus * CAUSES.length; row++) {
        const cause = row % CAUSES.length;
        if (cause !== CAUSE.boot && cause !== CAUSE.unseen) sum += counts[row * NR_EVENTS + event]!;
      }
      sums[event] = sum;
    }
  }
}
