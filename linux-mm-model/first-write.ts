/**
 * The commonest page fault in one piece: a program writes to anonymous memory for the first time, and all tables are there.
 *
 * The plain form is the rest of the path in fault.ts and the return in entry.ts. What is not plainly this fault is left to it, with
 * nothing changed; test/machine/at-once.test.ts holds the two equal, in every byte of the state.
 *
 * Mirrors: handle_mm_fault() to do_anonymous_page(), mm/memory.c; xen_set_pte(), arch/x86/xen/mmu_pv.c; xen_iret.
 */
import { EV } from "../abi/events.js";
import { push_normal_update } from "../abi/mmu-update.js";
import { PAGE_FLAGS_MASK, PFEC_user_mode, PFEC_write_access } from "../abi/page.js";
import type { Linux } from "./linux.js";
import { NO_MM } from "./mm-struct.js";
import { PARAVIRT_LAZY_NONE } from "./percpu.js";
import { PMD_PAGES, PTE_WRITE_DIRTY, table_of, vm_page_prot } from "./pgtable.js";
import { new_anon_page } from "./rmap.js";
import { NO_FILE, NO_VMA, VM_WRITE } from "./vma.js";

/** The error code of a write to what is not mapped. */
export const FIRST_WRITE = PFEC_user_mode | PFEC_write_access;

/** Handle the fault of the task on `cpu`, which has a mm, and return to it; false where the plain form has to. */
export function first_write(k: Linux, cpu: number, page: number): boolean {
  const { hv, mms, vmas, memory, fault, percpu } = k;
  if (!k.at_once || hv.update_l1e_and_iret === undefined) return false;
  if (percpu.lazy_mode[cpu] !== PARAVIRT_LAZY_NONE) return false;
  const mm = k.tasks.mm[percpu.current[cpu]!]!;
  if (mm === NO_MM) return false;
  const vma = vmas.find_vma_near(mm, mms.vma_root[mm]!, page);
  if (vma === NO_VMA || vmas.start[vma]! > page || vmas.file[vma] !== NO_FILE) return false;
  const flags = vmas.flags[vma]!;
  if ((flags & VM_WRITE) === 0 || vmas.anon_vma[vma] === 0) return false;
  const table = table_of(k, mm, page, 1);
  if (table === 0) return false;
  const slot = page & (PMD_PAGES - 1);
  if ((memory.words[memory.at(table, slot) + 1]! & PAGE_FLAGS_MASK) !== 0) return false;

  const { direct, failed } = k.mc[cpu]!;
  fault.vma[cpu] = vma;
  mms.rss[mm] = mms.rss[mm]! + 1;
  k.ledger.count(cpu, EV.set_pte, 1);
  push_normal_update(direct, table, slot, new_anon_page(k, cpu), vm_page_prot(flags) | PTE_WRITE_DIRTY);
  percpu.in_user[cpu] = 1;
  if (hv.update_l1e_and_iret(cpu, direct)) return true;
  if (hv.hypercall(cpu, direct, 0) < 0) failed[0]!++;
  hv.iret(cpu, true);
  return true;
}
