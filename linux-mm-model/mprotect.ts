/**
 * mprotect: VMAs split or merged, then their PTEs changed in place.
 *
 * Mirrors: do_mprotect_pkey(), mprotect_fixup(), change_pte_range(), mm/mprotect.c; pte_needs_flush(), asm/tlbflush.h.
 */
import { ENOMEM, type Rc } from "../abi/errno.js";
import {
  _PAGE_ACCESSED,
  _PAGE_DIRTY,
  _PAGE_GLOBAL,
  _PAGE_GUEST_KERNEL,
  _PAGE_NX,
  _PAGE_PRESENT,
  _PAGE_RW,
  _PAGE_USER,
} from "../abi/page.js";
import type { Linux } from "./linux.js";
import { populate_range } from "./fault.js";
import { vma_modify } from "./mmap.js";
import { P4D_PAGES, PMD_PAGES, pte_present, PUD_PAGES, table_of, vm_page_prot } from "./pgtable.js";
import { is_anon_exclusive } from "./rmap.js";
import { tlb_adjust, tlb_finish_mmu, tlb_gather_mmu } from "./unmap.js";
import { NO_VMA, VM_EXEC, VM_LOCKED, VM_READ, VM_SHARED, VM_WRITE } from "./vma.js";

const VM_ACCESS = VM_READ | VM_WRITE | VM_EXEC;

/** Protection bits of a PTE; what else it has, it keeps. Mirrors: _PAGE_CHG_MASK. */
const PROT_BITS = _PAGE_PRESENT | _PAGE_RW | _PAGE_USER | _PAGE_NX | _PAGE_GLOBAL | _PAGE_GUEST_KERNEL;
/**
 * Flags whose change needs a flush, and those whose clearing does. On Xen a present PTE of user mode always has G, which
 * Xen has set (adjust_guest_l1e()), and the new one never: so each change of one flushes.
 */
const FLUSH_ON_CHANGE = _PAGE_RW | _PAGE_USER | _PAGE_NX | _PAGE_GLOBAL;
const FLUSH_ON_CLEAR = _PAGE_DIRTY | _PAGE_PRESENT | _PAGE_ACCESSED;

/** Give [start, end) the access `access` (VM_READ, VM_WRITE, VM_EXEC). Errors: -ENOMEM, a part is not mapped. */
export function do_mprotect(
  k: Linux,
  cpu: number,
  mm: number,
  start: number,
  end: number,
  access: number,
): Rc {
  const { vmas, mms } = k;
  tlb_gather_mmu(k, cpu, mm, false);
  let rc: Rc = 0;
  for (let page = start; page < end;) {
    const vma = vmas.find_vma(mms.vma_root[mm]!, page);
    if (vma === NO_VMA || vmas.start[vma]! > page) {
      rc = -ENOMEM;
      break;
    }
    const until = Math.min(end, vmas.end[vma]!);
    mprotect_fixup(k, cpu, mm, vma, page, until, (vmas.flags[vma]! & ~VM_ACCESS) | access);
    page = until;
  }
  tlb_finish_mmu(k, cpu);
  return rc;
}

/** Give [start, end) of `vma` the flags `flags`, and its PTEs the protection that follows; the caller flushes. */
export function mprotect_fixup(
  k: Linux,
  cpu: number,
  mm: number,
  vma: number,
  start: number,
  end: number,
  flags: number,
): void {
  const { vmas } = k;
  if (flags === vmas.flags[vma]) return;
  const old = vmas.flags[vma]!;
  vma_modify(k, cpu, mm, vma, start, end, flags);
  change_protection(k, cpu, mm, start, end, flags);
  // a locked private mapping that becomes writable gets its copies now
  if ((old & (VM_WRITE | VM_SHARED | VM_LOCKED)) === VM_LOCKED && (flags & VM_WRITE) !== 0)
    populate_range(k, cpu, mm, start, end);
}

function change_protection(
  k: Linux,
  cpu: number,
  mm: number,
  start: number,
  end: number,
  flags: number,
): void {
  for (let page = start; page < end;) {
    if (table_of(k, mm, page, 3) === 0) page = (Math.floor(page / P4D_PAGES) + 1) * P4D_PAGES;
    else if (table_of(k, mm, page, 2) === 0) page = (Math.floor(page / PUD_PAGES) + 1) * PUD_PAGES;
    else {
      const next = Math.min(end, (Math.floor(page / PMD_PAGES) + 1) * PMD_PAGES);
      const table = table_of(k, mm, page, 1);
      if (table !== 0) change_pte_range(k, cpu, mm, table, page, next, flags);
      page = next;
    }
  }
}

function change_pte_range(
  k: Linux,
  cpu: number,
  mm: number,
  table: number,
  start: number,
  end: number,
  flags: number,
): void {
  const { memory } = k;
  const prot = vm_page_prot(flags);
  const tryWritable = (flags & (VM_SHARED | VM_WRITE)) === VM_WRITE;
  k.pv.arch_enter_lazy_mmu_mode(cpu);
  for (let page = start; page < end; page++) {
    const slot = page & (PMD_PAGES - 1);
    const old = memory.flags(table, slot);
    if (!pte_present(old)) continue;
    const pfn = memory.frame(table, slot);
    k.pv.ptep_modify_prot_start(cpu, mm, table, slot);
    let pte = (old & ~PROT_BITS) | (prot & PROT_BITS);
    if (tryWritable && (pte & _PAGE_DIRTY) !== 0 && is_anon_exclusive(k, pfn)) pte |= _PAGE_RW;
    k.pv.ptep_modify_prot_commit(cpu, mm, table, slot, pfn, pte);
    if (pte_needs_flush(old, pte)) tlb_adjust(k, cpu, page);
  }
  k.pv.arch_leave_lazy_mmu_mode(cpu);
}

/** Could a TLB hold something that the new PTE no longer says? Mirrors: pte_needs_flush(). */
function pte_needs_flush(old: number, pte: number): boolean {
  if ((old & _PAGE_PRESENT) === 0) return false;
  return ((old ^ pte) & FLUSH_ON_CHANGE) !== 0 || (old & ~pte & FLUSH_ON_CLEAR) !== 0;
}
