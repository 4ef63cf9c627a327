/**
 * The commonest page faults of programs in one piece, from the exception to the return: all tables are there, and what is to be done is to
 * fill empty entries of an L1, to put a copy into the place of a page, or nothing.
 *
 * The plain form is page_fault() in entry.ts, and all that it calls. What is not plainly such a fault is left to it, with nothing
 * changed; test/machine/at-once.test.ts holds the two equal, by Machine.equals().
 *
 * Mirrors: asm_exc_page_fault to do_anonymous_page(), do_cow_fault(), do_fault_around() and wp_page_copy(), mm/memory.c; xen_set_pte(),
 *          arch/x86/xen/mmu_pv.c; xen_iret.
 */
import { anon_vma_prepare } from "./anon-vma.js";
import { EV } from "../abi/events.js";
import type { Vpn } from "../abi/frames.js";
import { Tally } from "../abi/ledger.js";
import { _PAGE_RW, PAGE_FLAGS_MASK, PFEC_user_mode, PFEC_write_access } from "../abi/page.js";
import { access_error, collect_around, FAULT_HANDLED, FAULT_SPURIOUS, file_frame } from "./fault.js";
import type { Linux } from "./linux.js";
import { NO_MM } from "./mm-struct.js";
import { PMD_PAGES, PTE_WRITE_DIRTY, table_of, vm_page_prot } from "./pgtable.js";
import { is_anon, new_anon_page } from "./rmap.js";
import { PG_pagecache } from "./struct-page.js";
import { flushed_one_here, flushes_one_here } from "./tlb.js";
import { NO_FILE, NO_VMA, VM_SHARED } from "./vma.js";
import { flushed_tlb_one_user } from "./xen/flush-tlb.js";
import { direct_map } from "./xen/prot.js";

const COUNTS = Tally.of({ page_fault_user: 1, set_pte: 1 });

/** Handle the fault of the program on `cpu`, and return to it; false where the plain form has to. */
export function fault_at_once(k: Linux, cpu: number, page: number, error: number): boolean {
  const { mms, vmas, memory, percpu } = k;
  if (!k.at_once || (error & PFEC_user_mode) === 0) return false;
  const mm = k.tasks.mm[percpu.current[cpu]!]!;
  if (mm === NO_MM) return false;
  const vma = vmas.find_vma_near(mm, mms.vma_root[mm]!, page);
  if (vma === NO_VMA || vmas.start[vma]! > page || access_error(k, vma, error)) return false;
  const table = table_of(k, mm, page, 1);
  if (table === 0 || !k.top.is_in_step(k, cpu, mm, page)) return false;
  const slot = page & (PMD_PAGES - 1);
  const pte = memory.words[memory.at(table, slot) + 1]! & PAGE_FLAGS_MASK;
  const write = (error & PFEC_write_access) !== 0;
  const { hv } = k;
  if (pte !== 0) {
    if (write && (pte & _PAGE_RW) === 0) return first_copy(k, cpu, mm, vma, page, table, error);
    k.run.n = 0;
    if (hv.fill_run_on_fault?.(cpu, table, k.run, 0) !== true) return false;
    k.ledger.count(cpu, EV.page_fault_user, 1);
    return end_fault(k, cpu, page, error, vma, FAULT_SPURIOUS);
  }
  if (write) return first_write(k, cpu, mm, vma, page, table, error);
  return first_read(k, cpu, mm, vma, page, table, error);
}

/** An empty entry of anonymous memory, or of a private mapping of a file, is for a page of the program's own. */
function first_write(
  k: Linux,
  cpu: number,
  mm: number,
  vma: number,
  page: number,
  table: number,
  error: number,
): boolean {
  const { hv, vmas, pages } = k;
  const flags = vmas.flags[vma]!;
  const file = vmas.file[vma]!;
  if (file !== NO_FILE && (flags & VM_SHARED) !== 0) return false;
  const slot = page & (PMD_PAGES - 1);
  const pfn = pages.next_page();
  const prot = vm_page_prot(flags) | PTE_WRITE_DIRTY;
  if (pfn < 0 || hv.fill_on_fault?.(cpu, table, slot, pfn, prot) !== true) return false;

  if (file !== NO_FILE) {
    const cached = file_frame(k, vma, page);
    pages.flags[cached] = pages.flags[cached]! | PG_pagecache;
  }
  k.mms.rss[mm] = k.mms.rss[mm]! + 1;
  return end_with_own_page(k, cpu, mm, vma, page, error);
}

/** An empty entry of anonymous memory is for the zero page; one of a file for its page, with those around it. */
function first_read(
  k: Linux,
  cpu: number,
  mm: number,
  vma: number,
  page: number,
  table: number,
  error: number,
): boolean {
  const { hv, vmas, run } = k;
  const prot = vm_page_prot(vmas.flags[vma]!);
  const anonymous = vmas.file[vma] === NO_FILE;
  if (anonymous) {
    run.n = 0;
    run.add(page & (PMD_PAGES - 1), k.image.zero_page[0]!);
  } else if (k.config.faultAroundPages <= 1 || !collect_around(k, vma, page, table)) return false;
  if (hv.fill_run_on_fault?.(cpu, table, run, prot) !== true) return false;

  if (!anonymous) k.mms.rss[mm] = k.mms.rss[mm]! + run.n;
  k.ledger.count(cpu, EV.page_fault_user, 1);
  k.ledger.count(cpu, EV.set_pte, run.n);
  return end_fault(k, cpu, page, error, vma, FAULT_HANDLED);
}

/** A write to the zero page, or to a page of a file that is mapped for itself, copies it. */
function first_copy(
  k: Linux,
  cpu: number,
  mm: number,
  vma: number,
  page: number,
  table: number,
  error: number,
): boolean {
  const { hv, vmas, pages, mms } = k;
  const flags = vmas.flags[vma]!;
  const slot = page & (PMD_PAGES - 1);
  const old = k.memory.frame(table, slot);
  if ((flags & VM_SHARED) !== 0 || is_anon(k, old) || !flushes_one_here(k, cpu, mm)) return false;
  const pfn = pages.next_page();
  const prot = vm_page_prot(flags) | PTE_WRITE_DIRTY;
  const at = direct_map(table);
  if (pfn < 0 || hv.replace_on_fault?.(cpu, at, page as Vpn, table, slot, pfn, prot) !== true) return false;

  if (old === k.image.zero_page[0]) mms.rss[mm] = mms.rss[mm]! + 1;
  flushed_one_here(k, cpu, mm);
  flushed_tlb_one_user(k, cpu, 1);
  return end_with_own_page(k, cpu, mm, vma, page, error);
}

/** The entry has a page of the program's own now: the one that is allocated here. */
function end_with_own_page(
  k: Linux,
  cpu: number,
  mm: number,
  vma: number,
  page: number,
  error: number,
): boolean {
  anon_vma_prepare(k, mm, vma);
  new_anon_page(k, cpu);
  k.ledger.countAll(cpu, COUNTS);
  return end_fault(k, cpu, page, error, vma, FAULT_HANDLED);
}

function end_fault(k: Linux, cpu: number, page: number, error: number, vma: number, result: number): boolean {
  const { fault } = k;
  fault.page[cpu] = page;
  fault.error[cpu] = error;
  fault.vma[cpu] = vma;
  fault.result[cpu] = result;
  k.percpu.in_user[cpu] = 1;
  return true;
}
