/**
 * An address space that one CPU uses for a moment, to write where its own tables do not let it: text patching.
 *
 * Mirrors: use_temporary_mm(), unuse_temporary_mm(), __text_poke(), poking_init(), arch/x86/kernel/alternative.c.
 * Differs: one page is poked, at one address; text_mutex is that the simulator runs one path at a time.
 */
import { cpumask_clear_cpu } from "../abi/cpumask.js";
import { USER_LIMIT_VPN } from "../abi/layout.js";
import { CAUSE } from "../abi/ledger.js";
import { NO_MM } from "./mm-struct.js";
import type { Linux } from "./linux.js";
import { PMD_PAGES, pte_alloc } from "./pgtable.js";
import { NO_TASK } from "./task-struct.js";
import { leave_mm } from "./tlb.js";
import { PAGE_KERNEL } from "./xen/prot.js";

/** poking_addr: the last page of the user half but one. */
const POKING_PAGE = USER_LIMIT_VPN - 2;

/** Make poking_mm, with the tables of its one page, and pin it. */
export function poking_init(k: Linux, cpu: number): void {
  const mm = k.mms.allocate_mm();
  k.pv.pgd_alloc(cpu, mm);
  k.pv.dup_mmap(cpu, mm); // paravirt_enter_mmap()
  pte_alloc(k, cpu, mm, POKING_PAGE);
  k.image.poking_mm[0] = mm;
}

/** `cpu` writes to a page of kernel text through poking_mm. */
export function text_poke(k: Linux, cpu: number): void {
  const before = k.ledger.enter(cpu, CAUSE.text_poke);
  if (k.image.poking_mm[0] === 0) poking_init(k, cpu);
  const mm = k.image.poking_mm[0]!;
  const table = pte_alloc(k, cpu, mm, POKING_PAGE);
  const slot = POKING_PAGE & (PMD_PAGES - 1);
  k.pv.set_pte(cpu, mm, table, slot, k.image.zero_page[0]!, PAGE_KERNEL);
  const prev = use_temporary_mm(k, cpu, mm);
  k.pv.ptep_get_and_clear(cpu, mm, table, slot);
  unuse_temporary_mm(k, cpu, mm, prev);
  k.pv.flush_tlb_mm_range(cpu, mm, POKING_PAGE, POKING_PAGE + 1);
  k.ledger.enter(cpu, before);
}

/** Load `mm` on `cpu`, for no task; returns what was loaded. A lazy CPU leaves its tables first. */
export function use_temporary_mm(k: Linux, cpu: number, mm: number): number {
  if (k.percpu.is_lazy[cpu] !== 0) leave_mm(k, cpu);
  const prev = k.percpu.loaded_mm[cpu]!;
  k.pv.switch_mm(cpu, NO_MM, mm, NO_TASK);
  return prev;
}

export function unuse_temporary_mm(k: Linux, cpu: number, mm: number, prev: number): void {
  const task = k.percpu.current[cpu]!;
  k.pv.switch_mm(cpu, mm, prev, k.tasks.mm[task] === prev ? task : NO_TASK);
  cpumask_clear_cpu(cpu, k.mms.cpumask, k.mms.mm_cpumask(mm));
}
