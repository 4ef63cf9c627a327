/**
 * A booted guest on a recording Xen, and address spaces built by hand.
 */
import type { EventName } from "../../abi/events.js";
import { Ledger } from "../../abi/ledger.js";
import { PtMemory } from "../../abi/memory.js";
import { State } from "../../abi/state.js";
import { boot } from "../../linux-mm-model/boot.js";
import type { LinuxConfig } from "../../linux-mm-model/config.js";
import { Linux } from "../../linux-mm-model/linux.js";
import { _PAGE_TABLE } from "../../linux-mm-model/xen/prot.js";
import { RecordingHypervisor } from "./recording-hypervisor.js";

export const BORING: LinuxConfig = {
  nrCpus: 2,
  firstFrame: 16,
  nrTables: 2048,
  nrFrames: 4096,
  ptes: 512,
  maxMms: 16,
  maxTasks: 32,
  maxVmas: 64,
  maxFiles: 4,
  splitPtlocks: true,
  faultAroundPages: 16,
  fsgsbase: true,
  nullSegBug: true,
  rcuNocbs: false,
  top: "shared-pgd",
  sync: "none",
  unlazy: false,
  kernelSync: "eager",
};

export class PvGuest {
  readonly k: Linux;
  readonly hv: RecordingHypervisor;

  constructor(overrides: Partial<LinuxConfig> = {}) {
    const config = { ...BORING, ...overrides };
    const state = new State(
      Ledger.bytes(config.nrCpus) + PtMemory.bytes(config) + config.nrFrames * 20 + 2 ** 20,
    );
    const ledger = new Ledger(state, config.nrCpus);
    const memory = new PtMemory(state, config);
    this.k = new Linux(state, memory, ledger, config);
    this.hv = new RecordingHypervisor(memory);
    this.k.connect(this.hv);
    boot(this.k);
    this.forget();
  }

  /** Count from here. */
  forget(): void {
    this.k.ledger.clear();
    this.k.hist.clear();
    this.hv.clear();
  }

  /** Times that `name` was counted since boot or forget(). */
  count(name: EventName): number {
    return this.k.ledger.total(name);
  }

  /** Flushes by size: on several CPUs ("multi"), or at a switch and on this CPU ("tlb"). */
  hist(which: "multi" | "tlb"): Record<string, number> {
    return which === "multi" ? this.k.hist.collectFlushTlbMulti() : this.k.hist.collectTlbFlush();
  }

  /** An unpinned mm with `ptes` L1 tables, each hooked below L2 and L3 tables of its own top-level slot. */
  mm(slots: number, l2PerSlot = 1, l1PerL2 = 1): number {
    const { k } = this;
    const mm = k.mms.allocate_mm();
    k.pv.pgd_alloc(0, mm);
    for (let slot = 0; slot < slots; slot++) this.populate(mm, slot, l2PerSlot, l1PerL2);
    return mm;
  }

  /** Hook a new L3 table into slot `slot`, with tables below it; returns the L3 table. */
  populate(mm: number, slot: number, l2s = 1, l1s = 1, cpu = 0): number {
    const { k } = this;
    const pud = this.table(mm, 3, cpu);
    k.pv.set_p4d(cpu, mm, slot, pud, _PAGE_TABLE);
    for (let i = 0; i < l2s; i++) {
      const pmd = this.table(mm, 2, cpu);
      k.pv.set_pud(cpu, mm, pud, i, pmd, _PAGE_TABLE);
      for (let j = 0; j < l1s; j++) k.pv.set_pmd(cpu, mm, pmd, j, this.table(mm, 1, cpu), _PAGE_TABLE);
    }
    return pud;
  }

  /** A task that runs on `mm` when it is given a CPU. */
  task(mm: number, tid = 1): number {
    const task = this.k.tasks.alloc(tid, tid);
    this.k.tasks.mm[task] = mm;
    this.k.tasks.active_mm[task] = mm;
    return task;
  }

  private table(mm: number, level: number, cpu: number): number {
    const { k } = this;
    const table = k.pages.alloc_table();
    k.memory.clear_page(table as never);
    k.pv.alloc_table(cpu, mm, level, table);
    return table;
  }
}
