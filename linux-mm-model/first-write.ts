/**
 * The commonest page fault in one piece, from the exception to the return: a program writes to anonymous memory for the first time,
 * and all tables are there.
 *
 * The plain form is page_fault() in entry.ts, and all that it calls. What is not plainly this fault is left to it, with nothing
 * changed; test/machine/at-once.test.ts holds the two equal, in every byte of the state.
 *
 * Mirrors: asm_exc_page_fault to do_anonymous_page(), mm/memory.c; xen_set_pte(), arch/x86/xen/mmu_pv.c; xen_iret.
 */
import { Tally } from "../abi/ledger.js";
import { push_normal_update } from "../abi/mmu-update.js";
import { PAGE_FLAGS_MASK, PFEC_user_mode, PFEC_write_access } from "../abi/page.js";
import { FAULT_HANDLED } from "./fault.js";
import type { Linux } from "./linux.js";
import { NO_MM } from "./mm-struct.js";
import { PMD_PAGES, PTE_WRITE_DIRTY, table_of, vm_page_prot } from "./pgtable.js";
import { new_anon_page } from "./rmap.js";
import { NO_FILE, NO_VMA, VM_WRITE } from "./vma.js";

const COUNTS = Tally.of({ page_fault_user: 1, set_pte: 1 });

/** The error code of a write to what is not mapped. */
export const FIRST_WRITE = PFEC_user_mode | PFEC_write_access;

/** Handle the fault of the program on `cpu`, and return to it; false where the plain form has to. */
export function first_write(k: Linux, cpu: number, page: number): boolean {
  const { hv, mms, vmas, memory, fault, percpu, pages } = k;
  if (!k.at_once || hv.fill_on_fault === undefined) return false;
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
  if (!k.top.is_in_step(k, cpu, mm, page)) return false;
  const pfn = pages.next_page();
  const prot = vm_page_prot(flags) | PTE_WRITE_DIRTY;
  if (pfn < 0 || !hv.fill_on_fault(cpu, table, slot, pfn, prot)) return false;

  const { direct } = k.mc[cpu]!;
  fault.page[cpu] = page;
  fault.error[cpu] = FIRST_WRITE;
  fault.vma[cpu] = vma;
  fault.result[cpu] = FAULT_HANDLED;
  percpu.in_user[cpu] = 1;
  mms.rss[mm] = mms.rss[mm]! + 1;
  push_normal_update(direct, table, slot, new_anon_page(k, cpu), prot);
  direct.done[0] = 1;
  k.ledger.countAll(cpu, COUNTS);
  return true;
}
