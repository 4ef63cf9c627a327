/**
 * From events to the counters of the recordings: what Linux did, and which hypercalls that was.
 *
 * Hypercalls are not traced, but follow from the trace: what is queued goes out at the next flush, alone or in a multicall;
 * a PTE that is not queued is a mmu_update of its own. Kernel threads between two times of idleness are left out, and a
 * task that gives the CPU to one counts as giving it to idle, as FORMAT.md has it.
 *
 * Differs: writes that Xen emulates (ptwr_emulation) leave no trace in Linux, so they are not counted. MSR reads are those
 *          that Linux traces. A new L1 table of the kernel's own is not told from others.
 */
import { field, type TraceEvent } from "./ftrace.js";

export type Counts = Record<string, number>;

/** As a window of the recordings. */
export interface RecordedCounts {
  readonly linux: Counts;
  readonly hypercalls: Counts;
  readonly xen: Counts;
  readonly hist_mc_flush: Counts;
  readonly hist_flush_tlb_multi: Counts;
  readonly hist_tlb_flush: Counts;
}

/** Counters that leave no trace in Linux. */
export const NOT_RECORDED: ReadonlySet<string> = new Set(["ptwr_emulation"]);

const LEVELS = ["pgd", "p4d", "pud", "pmd", "pte"];
const PRESENT_OR_PROTNONE = 0x101n;
const USER = 0x4n;
const HYPERCALLS: Readonly<Record<string, string>> = {
  1: "mmu_update",
  3: "stack_switch",
  10: "update_descriptor",
  14: "update_va_mapping",
  25: "set_segment_base",
  26: "mmuext_op",
};
/** MSR_FS_BASE, MSR_GS_BASE, MSR_KERNEL_GS_BASE: a write of these is a hypercall. */
const BASES: ReadonlySet<string> = new Set([0xc0000100, 0xc0000101, 0xc0000102].map(String));
const WHY = ["task_switch", "remote_shootdown", "local_shootdown", "local_mm_shootdown", "remote_send_ipi"];

/** What is going on on a CPU: a script's task, the idle task, or, since idle, a kernel thread. */
type Who = "task" | "idle" | "other";

/** Counts the events of one CPU; those in [from, to] into the window that is open. */
export class CpuCounter {
  private queue: string[] = [];
  private who: Who = "other";
  /** A PTE was set, and nothing says yet whether it was queued. */
  private pte: { kernel: boolean; into: RecordedCounts | undefined } | undefined;

  constructor(private readonly isTask: (comm: string) => boolean) {}

  /** Count `event` into `window`, if there is one. */
  count(event: TraceEvent, window: RecordedCounts | undefined): void {
    if (event.name === "sched_switch") this.sched_switch(event, window);
    const into = this.who === "other" && event.name !== "sched_switch" ? undefined : window;
    this.direct(event);
    this.event(event, into);
  }

  /** Who ran and who runs; the switch itself counts for those who are in the recordings. */
  private sched_switch(event: TraceEvent, window: RecordedCounts | undefined): void {
    const kind = (which: "prev" | "next"): "task" | "idle" | "kthread" => {
      if (field(event, `${which}_pid`) === "0") return "idle";
      return this.isTask(field(event, `${which}_comm`) ?? "") ? "task" : "kthread";
    };
    const [prev, next] = [kind("prev"), kind("next")];
    const before = this.who;
    if (next === "task") this.who = "task";
    else if (prev === "task") this.who = "idle";
    else this.who = "other";
    // from idle to a kernel thread and back: not ours; idle goes on as if nothing had been
    const ours = prev === "task" || next === "task";
    if (ours && window !== undefined) add(window.linux, "context_switch");
    if (!ours && before === "idle") this.who = "other";
  }

  /** A PTE that was set just before `event`: queued if a lazy batch begins, or else a call of its own. */
  private direct(event: TraceEvent): void {
    const pte = this.pte;
    this.pte = undefined;
    if (pte?.into === undefined) return;
    const { into } = pte;
    if (event.name === "xen_mc_batch" && event.fields.includes("LAZY_MMU")) return;
    if (pte.kernel) add(into.hypercalls, "mmu_update_kernel");
    else {
      add(into.hypercalls, "mmu_update");
      add(into.hypercalls, "mmu_update_items");
    }
  }

  private event(event: TraceEvent, into: RecordedCounts | undefined): void {
    const { name, fields } = event;
    switch (name) {
      case "xen_mc_entry":
        return this.mc_entry(hypercallName(fields), into);
      case "xen_mc_flush":
        return this.mc_flush(into);
      case "xen_mmu_set_pte":
        this.pte = { kernel: isKernelPte(fields), into };
        if (into !== undefined) add(into.linux, this.pte.kernel ? "set_pte_kernel" : "set_pte");
        return;
      default:
        if (into !== undefined) countPlain(event, into);
    }
  }

  private mc_entry(call: string, into: RecordedCounts | undefined): void {
    this.queue.push(call);
    if (into === undefined) return;
    add(into.linux, "mc_entry");
    add(into.linux, `mc_entry_${call}`);
    if (ITEMS.has(call)) add(into.hypercalls, `${call}_items`);
  }

  private mc_flush(into: RecordedCounts | undefined): void {
    const { queue } = this;
    this.queue = [];
    if (into === undefined) return;
    if (queue.length === 0) return add(into.linux, "mc_flush_empty");
    add(into.linux, "mc_flush");
    add(into.hist_mc_flush, String(queue.length));
    if (queue.length === 1) return add(into.hypercalls, queue[0]!);
    add(into.hypercalls, "multicall");
    for (const call of queue) add(into.hypercalls, `mc_${call}`);
  }
}

const ITEMS: ReadonlySet<string> = new Set(["mmu_update", "mmuext_op"]);

/** Events that count by themselves. */
function countPlain(event: TraceEvent, into: RecordedCounts): void {
  const { linux, hypercalls, xen } = into;
  const { name, fields } = event;
  const mode = (): string => /LAZY_(\w+)/.exec(fields)![1]!.toLowerCase();
  switch (name) {
    case "sys_enter":
      return add(linux, "syscall");
    case "page_fault_user":
    case "page_fault_kernel":
      add(xen, "page_fault");
      return add(linux, name);
    case "read_msr":
      return add(xen, "emulate_privop");
    case "set_segment_base":
      return add(hypercalls, name);
    case "write_base":
      if (BASES.has(field(event, "msr") ?? "")) add(hypercalls, "set_segment_base");
      return;
    case "xen_mc_batch":
    case "xen_mc_issue":
      return add(linux, `${name.slice("xen_".length)}_${mode()}`);
    case "xen_mc_callback":
      return add(linux, "mc_callback");
    case "xen_mc_flush_reason":
      return add(linux, `mc_flush_forced_${fields.split(" ").at(-1)!.toLowerCase()}`);
    case "xen_mc_extend_args": {
      const call = hypercallName(fields);
      const result = fields.split(" ").at(-1)!.toLowerCase();
      if (result === "ok") add(hypercalls, `${call}_items`);
      return add(linux, `mc_extend_${call}_${result}`);
    }
    case "xen_mmu_set_pmd":
    case "xen_mmu_set_pud":
    case "xen_mmu_set_p4d":
    case "xen_mmu_pgd_pin":
    case "xen_mmu_pgd_unpin":
    case "xen_mmu_ptep_modify_prot_start":
    case "xen_mmu_ptep_modify_prot_commit":
    case "xen_mmu_flush_tlb_one_user":
      return add(linux, name.slice("xen_mmu_".length));
    case "xen_mmu_alloc_ptpage":
    case "xen_mmu_release_ptpage": {
      const [, level, un] = /level (\d+) +(un)?pinned/.exec(fields) as unknown as [string, string, string?];
      const what = name === "xen_mmu_alloc_ptpage" ? "alloc" : "release";
      return add(linux, `${what}_${LEVELS[Number(level)]}_${un ?? ""}pinned`);
    }
    case "xen_mmu_write_cr3":
      return add(linux, `write_cr3_${fields.split(" ")[0]}`);
    case "xen_mmu_flush_tlb_multi": {
      const [, cpus, start, end] = /ncpus (\d+) .*addr (\w+), end (\w+)/.exec(fields) as unknown as string[];
      add(linux, name.slice("xen_mmu_".length));
      const pages = /^f+$/.test(end!) ? "all" : String((BigInt(`0x${end}`) - BigInt(`0x${start}`)) / 4096n);
      return add(into.hist_flush_tlb_multi, `${cpus}cpu:${pages}`);
    }
    case "tlb_flush": {
      const [, pages, why] = /pages:(-?\d+) .*\((\d)\)/.exec(fields) as unknown as string[];
      add(linux, `tlb_flush_${WHY[Number(why)]}`);
      return add(into.hist_tlb_flush, `${WHY[Number(why)]}:${pages === "-1" ? "all" : pages}`);
    }
  }
}

/** "op 1 mmu_update args ..." or "extending op 26 mmuext_op by ...": the call's name, or its number. */
function hypercallName(fields: string): string {
  const op = /op (\d+)/.exec(fields)![1]!;
  return HYPERCALLS[op] ?? `call_${op}`;
}

/** A table of the kernel's own: its entries are not for user mode, and it alone clears them by this. */
function isKernelPte(fields: string): boolean {
  const raw = BigInt(`0x${/raw (\w+)/.exec(fields)![1]}`);
  return (raw & USER) === 0n && ((raw & PRESENT_OR_PROTNONE) !== 0x100n || raw === 0n);
}

export function emptyCounts(): RecordedCounts {
  return {
    linux: {},
    hypercalls: {},
    xen: {},
    hist_mc_flush: {},
    hist_flush_tlb_multi: {},
    hist_tlb_flush: {},
  };
}

function add(counts: Counts, name: string): void {
  counts[name] = (counts[name] ?? 0) + 1;
}
