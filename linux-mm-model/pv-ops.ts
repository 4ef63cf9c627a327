/**
 * The pv-ops that generic mm calls: the line inside Linux between mm/ and arch/x86/xen/.
 *
 * Generic code (fault, fork, unmap) knows this interface only; xen/ implements it, top-level designs included, and
 * native/ for a kernel whose tables the processor walks as they are.
 * Tables are named by frame, entries by (table, slot), values by (frame, flags) as in abi/page.ts. `mm` is
 * the address space the table belongs to (INIT_MM for kernel tables); `cpu` runs the code.
 *
 * Mirrors: struct pv_mmu_ops, arch/x86/include/asm/paravirt_types.h.
 */
import type { Rc } from "../abi/errno.js";
import type { EntryRun } from "../abi/mmu-update.js";

export interface PvMmuOps {
  /** set_pte_at() of a user PTE, or of a kernel one where mm is INIT_MM. Always a hypercall. */
  set_pte(cpu: number, mm: number, table: number, slot: number, frame: number, flags: number): void;
  /** set_pte() of each entry of `run`, in order, with `flags`. */
  set_ptes(cpu: number, mm: number, table: number, run: EntryRun, flags: number): void;
  set_pmd(cpu: number, mm: number, table: number, slot: number, frame: number, flags: number): void;
  set_pud(cpu: number, mm: number, table: number, slot: number, frame: number, flags: number): void;
  /** Entry `slot` of mm's reference top level, and of everything that mirrors it. */
  set_p4d(cpu: number, mm: number, slot: number, frame: number, flags: number): void;

  /** native_ptep_get_and_clear(): xchg; traps and is emulated where the table is pinned. */
  ptep_get_and_clear(cpu: number, mm: number, table: number, slot: number): void;
  /** ptep_set_wrprotect(): clear_bit of _PAGE_RW; traps where the table is pinned. */
  ptep_set_wrprotect(cpu: number, mm: number, table: number, slot: number): void;
  /** pte_clear() of a dying address space (fullmm): a plain store, its tables being unpinned. */
  pte_clear_full(cpu: number, mm: number, table: number, slot: number): void;
  /** pte_clear_full() of slots `first`..`end` - 1 that hold something, where that is faster than one by one. */
  pte_clear_full_range?(cpu: number, mm: number, table: number, first: number, end: number): void;
  ptep_modify_prot_start(cpu: number, mm: number, table: number, slot: number): void;
  /** MMU_PT_UPDATE_PRESERVE_AD. */
  ptep_modify_prot_commit(
    cpu: number,
    mm: number,
    table: number,
    slot: number,
    frame: number,
    flags: number,
  ): void;

  /** A table page is about to be hooked into mm at `level` (1: PTE page, 2: PMD page, 3: PUD page), or has been unhooked. */
  alloc_table(cpu: number, mm: number, level: number, table: number): void;
  /** The page cleared, alloc_table() of `level` for a pinned mm, and set_pmd() or set_pud(), in one piece. False where nothing of that is done. */
  hook_new_table?(
    cpu: number,
    level: 1 | 2,
    table: number,
    upper: number,
    slot: number,
    flags: number,
  ): boolean;
  release_table(cpu: number, mm: number, level: number, table: number): void;

  /** Top level of a new mm: R with the kernel half copied from swapper_pg_dir, and the user pgd. */
  pgd_alloc(cpu: number, mm: number): void;
  pgd_free(cpu: number, mm: number): void;

  /** End of fork: pin the child. 0, or -ENOMEM where a design needs tables of its own. Mirrors: xen_dup_mmap(). */
  dup_mmap(cpu: number, mm: number): Rc;
  /** exec has made `mm` current: pin it. As above. Mirrors: xen_activate_mm(). */
  activate_mm(cpu: number, prev: number, next: number): Rc;
  /** The last user has gone: force all CPUs off, unpin. Mirrors: xen_exit_mmap(). */
  exit_mmap(cpu: number, mm: number): void;

  /** Pin an mm that is not, for suspend, and unpin it: nothing where nothing is pinned. */
  pgd_pin(cpu: number, mm: number): void;
  pgd_unpin(cpu: number, mm: number): void;

  arch_enter_lazy_mmu_mode(cpu: number): void;
  arch_leave_lazy_mmu_mode(cpu: number): void;

  /**
   * flush_tlb_mm_range(): bump mm's generation, flush here and on the other CPUs of its mask. Page numbers; end = 0:
   * all; `stride`: pages that one flushed page stands for.
   */
  flush_tlb_mm_range(cpu: number, mm: number, start: number, end: number, stride?: number): void;
  /** All entries on this CPU, or those of pages start, start + stride, ... below `end`, by a flush_tlb_one_user() each. */
  flush_tlb_user(cpu: number): void;
  flush_tlb_user_pages(cpu: number, start: number, end: number, stride: number): void;
  /** On all CPUs of mm's set, this one included; arguments as of flush_tlb_mm_range(). */
  flush_tlb_multi(cpu: number, mm: number, start: number, end: number, stride: number): void;
  /** Load the tables of `mm`, pgd_of() of which is `pgd`. Mirrors: write_cr3; mm is page->pt_mm there. */
  write_cr3(cpu: number, mm: number, pgd: number): void;
  /** switch_mm_irqs_off(). `task` is the next task. */
  switch_mm(cpu: number, prev: number, next: number, task: number): void;
  /** enter_lazy_tlb(): the next task has no mm of its own. */
  enter_lazy_tlb(cpu: number, mm: number): void;
  /** Before __switch_to(), and within: what it queued goes out in end_context_switch(), and the rest is switch_to()'s. */
  start_context_switch(cpu: number, prev: number): void;
  end_context_switch(cpu: number, next: number): void;
  switch_to(cpu: number, prev: number, next: number): void;
  /** end_context_switch() and switch_to() in one piece, which counts the context_switch too. False where they are to be called, and nothing has changed. */
  switch_to_at_once?(cpu: number, next: number): boolean;

  /** Bases of the segments of the task that runs: read when it is copied; emptied for a new image. */
  save_fsgs(cpu: number): void;
  start_thread(cpu: number): void;
  /** Wake `other`, which idles. Mirrors: smp_send_reschedule(). */
  smp_send_reschedule(cpu: number, other: number): void;
  /** Interrupt `other`, which finds in its row of csd what it is asked. Mirrors: smp_ops.send_call_func_single_ipi. */
  send_call_func_single_ipi(cpu: number, other: number): void;

  /** A new thread shares mm (CLONE_VM). 0 or -ENOMEM. */
  thread_create(cpu: number, mm: number, task: number): number;
  /** The task has left mm (exit_mm(), exec), but may still run on its tables. */
  thread_exit(cpu: number, mm: number, task: number): void;
  /** finish_task_switch(): the dead task is off its tables for good. */
  thread_free(cpu: number, task: number): void;

  /**
   * First thing in the page-fault handler: was the fault only a stale top level? True when it has been mended and the access
   * is to be retried; then the mm's page_table_lock, which was free, is held, for the caller to give back.
   */
  sync_fault(cpu: number, task: number, vpn: number): boolean;
}
