/**
 * The kernel half of all top-level tables: memory that is added later needs a slot in each of them.
 *
 * Two policies: "eager", as since 5.8, writes every table on pgd_list when the slot is populated; "fault", as vmalloc
 * did before, writes swapper_pg_dir only, and each table when its CPU faults there. They are apart from what a
 * design does with user slots, so that the idea and what it grew from can be compared.
 *
 * Mirrors: sync_global_pgds_l4(), __kernel_physical_mapping_init(), arch/x86/mm/init_64.c; vmalloc_fault() of
 *          before 5.8, arch/x86/mm/fault.c.
 * Differs: one page of the added memory is mapped, not all of it. A slot is never taken away, as on 4-level.
 */
import { EEXIST, type Rc } from "../abi/errno.js";
import { EV } from "../abi/events.js";
import type { Vpn } from "../abi/frames.js";
import { CAUSE } from "../abi/ledger.js";
import { MMU_NORMAL_PT_UPDATE } from "../abi/mmu-update.js";
import { _PAGE_PRESENT, LEVEL_PAGES, pt_slot } from "../abi/page.js";
import type { Linux } from "./linux.js";
import { INIT_MM } from "./mm-struct.js";
import { new_table } from "./pgtable.js";
import { xen_extend_mmu_update, xen_mc_batch, xen_mc_flush } from "./xen/multicalls.js";
import { _KERNPG_TABLE, direct_map, PAGE_KERNEL } from "./xen/prot.js";
import { xen_page_pinned } from "./xen/set-entries.js";

/** First page of what slot `slot` of the direct map maps. */
export function first_page(slot: number): Vpn {
  return (slot * LEVEL_PAGES[4]) as Vpn;
}

/** Memory appears behind slot `slot` of the direct map. Errors: -EEXIST, the slot is populated. */
export function add_memory(k: Linux, cpu: number, slot: number): Rc {
  const swapper = k.mms.pgd[INIT_MM]!;
  if ((k.memory.flags(swapper, slot) & _PAGE_PRESENT) !== 0) return -EEXIST;
  const before = k.ledger.enter(cpu, CAUSE.hotplug);
  const pud = new_table(k);
  const pmd = new_table(k);
  const pte = new_table(k);
  k.pv.alloc_table(cpu, INIT_MM, 3, pud);
  k.pv.alloc_table(cpu, INIT_MM, 2, pmd);
  k.pv.alloc_table(cpu, INIT_MM, 1, pte);
  k.pv.set_p4d(cpu, INIT_MM, slot, pud, _KERNPG_TABLE);
  k.pv.set_pud(cpu, INIT_MM, pud, 0, pmd, _KERNPG_TABLE);
  k.pv.set_pmd(cpu, INIT_MM, pmd, 0, pte, _KERNPG_TABLE);
  k.pv.set_pte(cpu, INIT_MM, pte, 0, k.pages.alloc_page(), PAGE_KERNEL);
  if (k.config.kernelSync === "eager") sync_global_pgds(k, cpu, slot);
  k.ledger.enter(cpu, before);
  return 0;
}

/** Write `slot` of swapper_pg_dir to every other top-level table: a hypercall each, since no lazy mode is entered. */
function sync_global_pgds(k: Linux, cpu: number, slot: number): void {
  for (let mm = INIT_MM + 1; mm < k.mms.max; mm++) {
    if (k.mms.used[mm] !== 0 && k.mms.pgd[mm] !== 0) copy_kernel_slot(k, cpu, k.mms.pgd[mm]!, slot);
  }
  k.top.replicas(k, (pgd) => copy_kernel_slot(k, cpu, pgd, slot));
}

/** A kernel fault on `page`: was only the top level of the tables that `cpu` runs on stale? Then it is mended. */
export function vmalloc_fault(k: Linux, cpu: number, page: Vpn): boolean {
  const slot = pt_slot(page, 4);
  if (k.config.kernelSync !== "fault") return false;
  if ((k.memory.flags(k.mms.pgd[INIT_MM]!, slot) & _PAGE_PRESENT) === 0) return false;
  return copy_kernel_slot(k, cpu, k.top.hardware_pgd(k, cpu), slot);
}

/** True if the table lacked the slot. */
function copy_kernel_slot(k: Linux, cpu: number, pgd: number, slot: number): boolean {
  const swapper = k.mms.pgd[INIT_MM]!;
  if ((k.memory.flags(pgd, slot) & _PAGE_PRESENT) !== 0) return false;
  const frame = k.memory.frame(swapper, slot);
  const flags = k.memory.flags(swapper, slot);
  k.ledger.count(cpu, EV.top_kernel_slot, 1);
  if (!xen_page_pinned(k, pgd)) {
    k.hv.store(cpu, direct_map(pgd), slot, frame, flags);
    return true;
  }
  xen_mc_batch(k, cpu);
  xen_extend_mmu_update(k, cpu, MMU_NORMAL_PT_UPDATE, pgd, slot, frame, flags);
  xen_mc_flush(k, cpu);
  return true;
}
