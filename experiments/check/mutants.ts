/**
 * Named breaks of one line each, and of each the property that must catch it.
 *
 * A mutant replaces steps, a rule of Xen's audit, or a method of a design, in the machine that is checked; the twins know
 * nothing of them.
 */
import { BadInput } from "../../abi/bad-input.js";
import type { Proposal } from "../../abi/proposal.js";
import type { Machine } from "../../machine/machine.js";
import type { AuditRules } from "../../xen-model/audit-rules.js";
import { ROOT_LOCAL } from "../../xen-model/root/l4-uses.js";
import { BLOCKED, DONE, NEXT, step, type Step } from "../../abi/path.js";
import type { Linux } from "../../linux-mm-model/linux.js";
import { FAULT_SYNCED } from "../../linux-mm-model/fault.js";
import { PARAVIRT_LAZY_CPU, PARAVIRT_LAZY_MMU } from "../../linux-mm-model/percpu.js";
import { set_pair_slot } from "../../linux-mm-model/top-level/pair.js";
import { xen_mc_batch, xen_mc_flush, xen_mc_issue } from "../../linux-mm-model/xen/multicalls.js";
import { _PAGE_TABLE } from "../../linux-mm-model/xen/prot.js";
import { P4D_PAGES } from "../../linux-mm-model/pgtable.js";
import { LIFE_MUTANTS } from "./life-mutants.js";
import { PLUG_MUTANTS } from "./plug-mutants.js";
import { type Parts, PARTS } from "./paths.js";
import type { Bounds } from "./bounds.js";

export interface Mutant {
  readonly says: string;
  /** Name of the property that catches it, on the proposals named. */
  readonly caughtBy: string;
  readonly on: readonly string[];
  /** That property is about what happens in the end. */
  readonly inTheEnd?: boolean;
  readonly parts?: Partial<Parts>;
  readonly rules?: Partial<AuditRules>;
  readonly proposal?: (proposal: Proposal) => Proposal;
  readonly beforeBoot?: (machine: Machine) => void;
  readonly machine?: (machine: Machine) => void;
  /** Interrupt handlers run, and read user memory, while the vCPU switches. */
  readonly irqsOn?: boolean;
  /** The vCPUs idle at first, on the tables that they started on. */
  readonly idle?: boolean;
  /** It shows with any guest, not with Linux: any-guest-model.ts. */
  readonly guest?: "any";
  /** It shows where there are so many forks at least. */
  readonly forks?: number;
  /** It shows where a vCPU goes down so often at least. */
  readonly hotplugs?: number;
}

const NONE: Mutant = { says: "", caughtBy: "", on: [] };

const PER_THREAD = ["linux-per-thread", "linux-per-thread-eager", "linux-per-thread-unlazy"];
const REPLICAS = [...PER_THREAD, "linux-per-mm-vcpu"];

export const MUTANTS: Readonly<Record<string, Mutant>> = {
  "no-eager-clear": {
    says: "clearing a slot leaves the other L4s of the mm as they are",
    caughtBy: "noHypercallFails",
    on: [...REPLICAS, "linux-per-vcpu", "linux-per-vcpu-local-flush"],
    machine: ({ linux }) => {
      const { top } = linux;
      const propagate = top.propagate.bind(top);
      top.propagate = (k, cpu, mm, slot, frame, flags) => {
        if (flags !== 0) propagate(k, cpu, mm, slot, frame, flags);
      };
    },
  },
  "fixed-without-a-change": {
    says: "the fault handler says that it has synchronised the slot, and has not",
    caughtBy: "noFaultLoop",
    inTheEnd: true,
    on: ["linux-per-thread", "linux-per-thread-unlazy"],
    parts: {
      sync: replaced(PARTS.sync, "sync_fault", (run) => (k, cpu) => {
        const { memory, percpu, fault, mms, tasks } = k;
        const slot = Math.floor(fault.page[cpu]! / P4D_PAGES);
        const mm = tasks.mm[percpu.current[cpu]!]!;
        if (memory.flags(mms.pgd[mm]!, slot) === 0) return run(k, cpu);
        return DONE;
      }),
    },
  },
  "free-before-flush": {
    says: "a table is free before its flush, on a Xen that flushes neither behind edits of L4s (XSA-286) nor at changes of type",
    caughtBy: "flushBeforeReuse",
    on: ["shared", ...REPLICAS, "linux-per-vcpu"],
    parts: { tlb_finish: [PARTS.tlb_finish[1]!, PARTS.tlb_finish[0]!] },
    rules: { flush_linear_pt: false, flush_by_old_type: false },
  },
  "lock-is-kept": {
    says: "who has cleared a slot does not give the page_table_lock back",
    caughtBy: "lockHolderGoesOn",
    on: ["linux-per-mm-vcpu", ...PER_THREAD, "linux-per-vcpu", "linux-per-vcpu-local-flush"],
    parts: { free_pud: replaced(PARTS.free_pud, "spin_unlock(page_table_lock)", () => () => NEXT) },
  },
  "load-keeps-the-lock": {
    says: "a load of a vCPU's tables does not give the page_table_locks back",
    caughtBy: "somebodyGoesOn",
    on: ["linux-per-vcpu", "linux-per-vcpu-local-flush"],
    machine: ({ linux }) => {
      linux.top.issued = () => undefined;
    },
  },
  "load-is-not-noted": {
    says: "a load of tables leaves xen_current_cr3 as it was",
    caughtBy: "currentCr3IsWhatIsLoaded",
    on: ["shared", "xpti", "xen-vcpu-root", ...REPLICAS],
    machine: ({ linux }) => {
      const write_cr3 = linux.pv.write_cr3.bind(linux.pv);
      linux.pv.write_cr3 = (cpu, mm, pgd) => {
        write_cr3(cpu, mm, pgd);
        linux.mc[cpu]!.cbidx[0] = 0;
      };
    },
  },
  "stay-lazy": {
    says: "a CPU that runs no user task stays on the tables of the last one",
    caughtBy: "onePcpuPerUserL4",
    on: ["linux-per-thread-unlazy"],
    machine: ({ linux }) => {
      (linux.top as { unlazy: boolean }).unlazy = false;
    },
  },
  "sync-without-rereading": {
    says: "the fault handler looks at the reference, and writes what it saw later, without the lock",
    caughtBy: "noHypercallFails",
    on: ["linux-per-thread", "linux-per-thread-unlazy"],
    parts: { sync: unlockedSync() },
  },
  "sync-stays-queued": {
    says: "the fault handler's write waits for the end of lazy MMU mode",
    caughtBy: "faultIsResolvedInOnePass",
    on: ["linux-per-thread", "linux-per-thread-unlazy"],
    parts: {
      sync: replaced(PARTS.sync, "sync_fault", (run) => (k, cpu) => {
        if (k.percpu.lazy_mode[cpu] === 0 || !lacksSlot(k, cpu)) return run(k, cpu);
        const { mm, slot, pgd } = faultOf(k, cpu);
        if (!k.mms.lock_page_table(mm, cpu)) return BLOCKED;
        xen_mc_batch(k, cpu);
        set_pair_slot(k, cpu, pgd, slot, k.memory.frame(k.mms.pgd[mm]!, slot), _PAGE_TABLE);
        xen_mc_issue(k, cpu, PARAVIRT_LAZY_MMU);
        return NEXT;
      }),
    },
  },
  "root-stays-stale": {
    says: "an edit of an L4 does not tell the other pCPUs that their roots are stale",
    caughtBy: "rootShowsTheGuestsL4",
    on: ["xpti", "xen-vcpu-root"],
    machine: ({ xen }) => {
      const { root } = xen;
      const l4_changed = root.l4_changed.bind(root);
      root.l4_changed = (x, vcpu, l4) => l4_changed(x, vcpu, l4) & ROOT_LOCAL;
    },
  },
  "rewrite-with-interrupts": {
    says: "a vCPU's tables are rewritten with interrupts on, and their handlers read user memory",
    caughtBy: "accessReachesOwnTables",
    on: ["linux-per-vcpu", "linux-per-vcpu-local-flush"],
    irqsOn: true,
  },
  "load-without-the-lock": {
    says: "a load of a vCPU's tables copies slots and issues its writes later, without the page_table_lock",
    caughtBy: "tablesShowTheReference",
    on: ["linux-per-vcpu", "linux-per-vcpu-local-flush"],
    machine: ({ linux }) => {
      linux.top.may_load = () => true;
      const lock = linux.mms.lock_page_table.bind(linux.mms);
      linux.mms.lock_page_table = (mm, cpu) =>
        linux.percpu.lazy_mode[cpu] === PARAVIRT_LAZY_CPU || lock(mm, cpu);
    },
  },
  "owner-test-before-reference": {
    says: "who else has an L4 is asked in one step, and its references are taken in the next",
    caughtBy: "installedOnOneVcpu",
    on: ["linux-per-thread-unlazy", "linux-per-mm-vcpu", "linux-per-vcpu"],
    rules: { owner_with_type_ref: false },
    guest: "any",
  },
  "linear-l4": {
    says: "an L4 may be used linearly by another, though L4s are exclusive",
    caughtBy: "noL4ReachesAnother",
    on: ["linux-per-thread-unlazy", "linux-per-mm-vcpu", "linux-per-vcpu"],
    rules: { no_linear_exclusive_l4: false },
    guest: "any",
  },
  "shared-init-tables": {
    says: "all vCPUs have swapper_pg_dir as their table of init_mm",
    caughtBy: "onePcpuPerL4InGuest",
    on: ["linux-per-thread-unlazy", "linux-per-mm-vcpu", "linux-per-vcpu"],
    idle: true,
    beforeBoot: ({ linux }) => {
      const swapper = (): number => linux.mms.pgd[0]!;
      const pgd_of = linux.top.pgd_of.bind(linux.top);
      linux.top.start_pgd = swapper;
      linux.top.pgd_of = (k, cpu, mm, task) => (mm === 0 ? swapper() : pgd_of(k, cpu, mm, task));
    },
  },
  ...LIFE_MUTANTS,
  ...PLUG_MUTANTS,
};

/** What the fault on `cpu` is about. */
function faultOf(k: Linux, cpu: number): { mm: number; slot: number; pgd: number } {
  const mm = k.tasks.mm[k.percpu.current[cpu]!]!;
  return { mm, slot: Math.floor(k.fault.page[cpu]! / P4D_PAGES), pgd: k.percpu.xen_cr3[cpu]! };
}

/** Does only the pair lack the slot? */
function lacksSlot(k: Linux, cpu: number): boolean {
  const { mm, slot, pgd } = faultOf(k, cpu);
  return k.memory.flags(k.mms.pgd[mm]!, slot) !== 0 && k.memory.flags(pgd, slot) === 0;
}

/** The synchronisation in two steps, with nothing to keep the slot as it is in between; pud.table is what was seen. */
function unlockedSync(): Step<Linux>[] {
  return [
    step("sync_fault: read the reference", (k, cpu) => {
      if (!lacksSlot(k, cpu)) return FIND_VMA;
      const { mm, slot } = faultOf(k, cpu);
      k.pud.table[cpu] = k.memory.frame(k.mms.pgd[mm]!, slot);
      return NEXT;
    }),
    step("sync_fault: write the pair", (k, cpu) => {
      const { slot, pgd } = faultOf(k, cpu);
      xen_mc_batch(k, cpu);
      set_pair_slot(k, cpu, pgd, slot, k.pud.table[cpu]!, _PAGE_TABLE);
      xen_mc_flush(k, cpu);
      return NEXT;
    }),
    step("sync_fault: done", (k, cpu) => {
      k.pud.table[cpu] = 0;
      k.fault.result[cpu] = FAULT_SYNCED;
      return DONE;
    }),
  ];
}

const FIND_VMA = 3;

/** `steps`, with the one of that name run as `change` makes it. */
function replaced(
  steps: readonly Step<Linux>[],
  name: string,
  change: (run: Step<Linux>["run"]) => Step<Linux>["run"],
): Step<Linux>[] {
  return steps.map((s) => (s.name === name ? step(name, change(s.run)) : s));
}

/** `sizes`, with the forks and hotplugs that a mutant needs. */
export function boundsFor(sizes: Bounds, mutant: string | undefined): Bounds {
  const { forks = 0, hotplugs = 0 } = mutantOf(mutant);
  return {
    ...sizes,
    ...((sizes.forks ?? 0) < forks ? { forks } : {}),
    ...((sizes.hotplugs ?? 0) < hotplugs ? { hotplugs } : {}),
  };
}

/** Errors: BadInput, naming the mutants that there are. */
export function mutantOf(name: string | undefined): Mutant {
  if (name === undefined) return NONE;
  const mutant = MUTANTS[name];
  if (mutant === undefined)
    throw new BadInput("--mutant", name, "is no mutant", `name one of ${Object.keys(MUTANTS).join(", ")}`);
  return mutant;
}
