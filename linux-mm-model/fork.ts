/**
 * fork, vfork, clone: a new task, and with it a copy of the address space or a share in it.
 *
 * Mirrors: copy_process(), copy_mm(), dup_mm(), dup_mmap(), kernel/fork.c; copy_page_range() to
 *          copy_present_pte(), mm/memory.c.
 */
import { anon_vma_fork } from "./anon-vma.js";
import { type Rc } from "../abi/errno.js";
import { CAUSE } from "../abi/ledger.js";
import { _PAGE_ACCESSED, _PAGE_DIRTY, _PAGE_RW } from "../abi/page.js";
import type { Linux } from "./linux.js";
import { insert_vma } from "./mmap.js";
import { NO_MM } from "./mm-struct.js";
import {
  P4D_PAGES,
  PMD_PAGES,
  pmd_alloc,
  pud_alloc,
  PUD_PAGES,
  pte_alloc,
  pte_present,
  table_of,
} from "./pgtable.js";
import { page_dup_rmap } from "./rmap.js";
import { alloc_thread_stack_node, free_thread_stack } from "./thread-stack.js";
import { copy_files } from "./fdtable.js";
import { NO_VMA, VM_LOCKED, VM_SHARED, VM_WRITE } from "./vma.js";
import { TLB_FLUSH_ALL } from "./xen/flush-tlb.js";

export const CLONE_VM = 0x100;
export const CLONE_FILES = 0x400;
export const CLONE_VFORK = 0x4000;
export const CLONE_THREAD = 0x10000;

/** The task that runs on `cpu` makes another. Returns its row, or -ENOMEM. */
export function copy_process(k: Linux, cpu: number, flags: number, tid: number, tgid: number): number {
  const { tasks, mms, percpu, ledger } = k;
  const before = ledger.enter(cpu, (flags & CLONE_VM) !== 0 ? CAUSE.thread_create : CAUSE.fork);
  const parent = percpu.current[cpu]!;
  const task = tasks.alloc(tid, tgid);
  tasks.stack[task] = alloc_thread_stack_node(k, cpu);
  copy_files(k, parent, task, (flags & CLONE_FILES) !== 0);
  const mm = tasks.mm[parent]!;
  let rc: Rc = 0;
  if (mm !== NO_MM) {
    if ((flags & CLONE_VM) !== 0) {
      mms.mm_users[mm]!++;
      tasks.mm[task] = mm;
      rc = k.pv.thread_create(cpu, mm, task);
      tasks.vfork[task] = (flags & CLONE_VFORK) !== 0 ? 1 : 0;
    } else {
      k.pv.save_fsgs(cpu);
      tasks.mm[task] = dup_mm(k, cpu, mm);
    }
    tasks.active_mm[task] = tasks.mm[task]!;
  }
  ledger.enter(cpu, before);
  if (rc === 0) return task;
  mms.mm_users[mm]!--;
  free_thread_stack(k, cpu, tasks.stack[task]!);
  tasks.free(task);
  return rc;
}

/** A copy of `oldmm`: VMAs, and PTEs where a fault could not bring them back. Pinned at the end. */
function dup_mm(k: Linux, cpu: number, oldmm: number): number {
  const { mms } = k;
  const mm = mms.allocate_mm();
  k.pv.pgd_alloc(cpu, mm);
  mms.start_brk[mm] = mms.start_brk[oldmm]!;
  mms.brk[mm] = mms.brk[oldmm]!;
  dup_mmap(k, cpu, mm, oldmm);
  return mm;
}

function dup_mmap(k: Linux, cpu: number, mm: number, oldmm: number): void {
  const { vmas, mms } = k;
  for (let vma = vmas.find_vma(mms.vma_root[oldmm]!, 0); vma !== NO_VMA;) {
    const copy = vmas.vm_area_alloc(
      vmas.start[vma]!,
      vmas.end[vma]!,
      vmas.flags[vma]! & ~VM_LOCKED,
      vmas.file[vma]!,
      vmas.pgoff[vma]!,
    );
    anon_vma_fork(k, vma, copy);
    insert_vma(k, mm, copy);
    // without private pages faults will do
    if (vmas.anon_vma[vma] !== 0) copy_page_range(k, cpu, mm, oldmm, vma);
    vma = vmas.find_vma(mms.vma_root[oldmm]!, vmas.end[vma]!);
  }
  k.pv.dup_mmap(cpu, mm);
  k.pv.flush_tlb_mm_range(cpu, oldmm, 0, TLB_FLUSH_ALL);
}

function copy_page_range(k: Linux, cpu: number, mm: number, oldmm: number, vma: number): void {
  const { vmas } = k;
  const end = vmas.end[vma]!;
  for (let page = vmas.start[vma]!; page < end;) {
    // a table that the parent has is made for the child too, whether or not there is something below
    if (table_of(k, oldmm, page, 3) === 0) {
      page = (Math.floor(page / P4D_PAGES) + 1) * P4D_PAGES;
      continue;
    }
    pud_alloc(k, cpu, mm, page);
    if (table_of(k, oldmm, page, 2) === 0) page = (Math.floor(page / PUD_PAGES) + 1) * PUD_PAGES;
    else {
      pmd_alloc(k, cpu, mm, page);
      const next = Math.min(end, (Math.floor(page / PMD_PAGES) + 1) * PMD_PAGES);
      const from = table_of(k, oldmm, page, 1);
      if (from !== 0) copy_pte_range(k, cpu, mm, oldmm, from, page, next, vmas.flags[vma]!);
      page = next;
    }
  }
}

function copy_pte_range(
  k: Linux,
  cpu: number,
  mm: number,
  oldmm: number,
  from: number,
  start: number,
  end: number,
  vm_flags: number,
): void {
  const { memory, mms } = k;
  const to = pte_alloc(k, cpu, mm, start);
  const cow = (vm_flags & (VM_SHARED | VM_WRITE)) === VM_WRITE;
  k.pv.arch_enter_lazy_mmu_mode(cpu);
  for (let page = start; page < end; page++) {
    const slot = page & (PMD_PAGES - 1);
    let flags = memory.flags(from, slot);
    if (!pte_present(flags)) continue;
    const pfn = memory.frame(from, slot);
    if (pfn !== k.image.zero_page[0]) {
      page_dup_rmap(k, pfn);
      mms.rss[mm]!++;
    }
    if (cow && (flags & _PAGE_RW) !== 0) {
      k.pv.ptep_set_wrprotect(cpu, oldmm, from, slot);
      flags &= ~_PAGE_RW;
    }
    if ((vm_flags & VM_SHARED) !== 0) flags &= ~_PAGE_DIRTY;
    k.pv.set_pte(cpu, mm, to, slot, pfn, flags & ~_PAGE_ACCESSED);
  }
  k.pv.arch_leave_lazy_mmu_mode(cpu);
}
