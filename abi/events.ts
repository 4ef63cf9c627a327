/**
 * Everything that is counted, with its definition: the twins count, and never price.
 *
 * A counter that the recordings have keeps the recordings' name and definition (the Linux 6.1 tracepoints
 * and Xen's trace points behind them), so that model and recording compare by name. To add a counter, add
 * its line here and count it where it happens; a cost profile may then price it.
 */

import { numbered } from "./numbered.js";

/** Who sees it happen: the guest kernel, Xen, or the processor while either runs. */
export type Side = "linux" | "hypercall" | "xen" | "hw" | "design";

const TABLE = {
  // the guest kernel: arch/x86/xen/, mm/, kernel/sched/
  set_pte: ["linux", "calls of the PTE setter for user tables"],
  set_pte_kernel: ["linux", "calls of the PTE setter for kernel tables"],
  set_pmd: ["linux", "L2 entries set or cleared"],
  set_pud: ["linux", "L3 entries set or cleared"],
  set_p4d: ["linux", "L4 entries set or cleared; each changes the kernel and the user copy"],
  alloc_pte_pinned: ["linux", "an L1 table came into use, its address space being pinned"],
  alloc_pte_unpinned: ["linux", "an L1 table came into use, its address space not being pinned"],
  alloc_pmd_pinned: ["linux", "an L2 table came into use, its address space being pinned"],
  alloc_pmd_unpinned: ["linux", "an L2 table came into use, its address space not being pinned"],
  alloc_pud_pinned: ["linux", "an L3 table came into use, its address space being pinned"],
  alloc_pud_unpinned: ["linux", "an L3 table came into use, its address space not being pinned"],
  alloc_pgd_unpinned: ["linux", "an L4 table came into use"],
  release_pte_pinned: ["linux", "an L1 table left use, its address space being pinned"],
  release_pte_unpinned: ["linux", "an L1 table left use, its address space not being pinned"],
  release_pmd_pinned: ["linux", "an L2 table left use, its address space being pinned"],
  release_pmd_unpinned: ["linux", "an L2 table left use, its address space not being pinned"],
  release_pud_pinned: ["linux", "an L3 table left use, its address space being pinned"],
  release_pud_unpinned: ["linux", "an L3 table left use, its address space not being pinned"],
  release_pgd_unpinned: ["linux", "an L4 table left use"],
  pgd_pin: ["linux", "an address space was pinned: all its tables read-only and typed"],
  pgd_unpin: ["linux", "an address space was unpinned"],
  ptep_modify_prot_start: ["linux", "mprotect took a PTE to change it"],
  ptep_modify_prot_commit: ["linux", "mprotect put the changed PTE back"],
  flush_tlb_one_user: ["linux", "one page flushed on this CPU"],
  flush_tlb_multi: ["linux", "flush asked for on several CPUs, this one included"],
  tlb_flush_task_switch: ["linux", "generic flush event: an address space was loaded"],
  tlb_flush_local_mm_shootdown: [
    "linux",
    "generic flush event: a range of the loaded address space, on this CPU",
  ],
  write_cr3_kernel: ["linux", "kernel half of loading an address space"],
  write_cr3_user: ["linux", "user half of loading an address space"],
  page_fault_user: ["linux", "the guest handled a page fault from user mode"],
  page_fault_kernel: ["linux", "the guest handled a page fault from kernel mode"],
  context_switch: ["linux", "the scheduler switched tasks"],
  syscall: ["linux", "a system call entered the guest kernel"],
  irq: ["linux", "an interrupt (event channel upcall) entered the guest kernel"],
  mc_entry: ["linux", "calls queued in the multicall buffer"],
  mc_entry_mmu_update: ["linux", "calls of mmu_update queued in the multicall buffer"],
  mc_entry_mmuext_op: ["linux", "calls of mmuext_op queued in the multicall buffer"],
  mc_entry_update_va_mapping: ["linux", "calls of update_va_mapping queued in the multicall buffer"],
  mc_entry_stack_switch: ["linux", "calls of stack_switch queued in the multicall buffer"],
  mc_entry_set_segment_base: ["linux", "calls of set_segment_base queued in the multicall buffer"],
  mc_entry_update_descriptor: ["linux", "calls of update_descriptor queued in the multicall buffer"],
  mc_extend_mmu_update_ok: ["linux", "requests appended to a queued mmu_update"],
  mc_extend_mmu_update_bad_op: [
    "linux",
    "mmu_update requests not appended, because the last queued call was another",
  ],
  mc_extend_mmu_update_no_space: [
    "linux",
    "mmu_update requests not appended, because the argument buffer was full",
  ],
  mc_extend_mmuext_op_ok: ["linux", "ops appended to a queued mmuext_op"],
  mc_extend_mmuext_op_bad_op: [
    "linux",
    "mmuext_op requests not appended, because the last queued call was another",
  ],
  mc_extend_mmuext_op_no_space: [
    "linux",
    "mmuext_op requests not appended, because the argument buffer was full",
  ],
  mc_callback: ["linux", "callbacks queued behind a flush"],
  mc_flush: ["linux", "flushes of the buffer with at least one call in it"],
  mc_flush_empty: ["linux", "flushes of an empty buffer"],
  mc_flush_forced_args: ["linux", "flushes because the arguments were full"],
  mc_flush_forced_batch: ["linux", "flushes because all 32 calls were used"],
  mc_flush_forced_callback: ["linux", "flushes because all 32 callbacks were used"],
  mc_batch_none: ["linux", "batches begun outside a lazy mode"],
  mc_batch_mmu: ["linux", "batches begun in lazy MMU mode"],
  mc_batch_cpu: ["linux", "batches begun in lazy CPU mode"],
  mc_issue_none: ["linux", "batches issued whatever the mode"],
  mc_issue_mmu: ["linux", "batches issued unless in lazy MMU mode"],
  mc_issue_cpu: ["linux", "batches issued unless in lazy CPU mode"],

  // hypercalls, counted on entry to Xen
  mmu_update: ["hypercall", "made directly"],
  mmu_update_kernel: ["hypercall", "made directly for one kernel PTE; not in mmu_update"],
  mmuext_op: ["hypercall", "made directly"],
  update_va_mapping: ["hypercall", "made directly"],
  stack_switch: ["hypercall", "made directly"],
  set_segment_base: ["hypercall", "made directly"],
  update_descriptor: ["hypercall", "made directly"],
  fpu_taskswitch: ["hypercall", "made directly"],
  set_gdt: ["hypercall", "made directly"],
  vm_assist: ["hypercall", "made directly"],
  xen_version: ["hypercall", "made directly"],
  event_channel_op: ["hypercall", "made directly: interrupts for other vCPUs"],
  vcpu_op: ["hypercall", "made directly"],
  sched_op: ["hypercall", "made directly: block, yield"],
  multicall: ["hypercall", "multicalls, of two or more calls"],
  mc_mmu_update: ["hypercall", "made inside a multicall"],
  mc_mmuext_op: ["hypercall", "made inside a multicall"],
  mc_update_va_mapping: ["hypercall", "made inside a multicall"],
  mc_stack_switch: ["hypercall", "made inside a multicall"],
  mc_set_segment_base: ["hypercall", "made inside a multicall"],
  mc_update_descriptor: ["hypercall", "made inside a multicall"],
  mc_other: ["hypercall", "any other call made inside a multicall"],
  mmu_update_items: ["hypercall", "requests in all mmu_updates, multicall or not"],
  mmuext_op_items: ["hypercall", "ops in all mmuext_ops, multicall or not"],
  iret: ["hypercall", "returns from the guest kernel to user mode, each a hypercall"],
  iret_kernel: ["hypercall", "returns from an exception to the guest kernel, each a hypercall"],
  continuation: ["hypercall", "re-entries of a call that Xen interrupted and resumed"],
  hypercall_failed: ["hypercall", "calls that returned an error"],

  // Xen: what its audit and its roots do
  page_fault: ["xen", "page faults passed to the guest"],
  ptwr_emulation: ["xen", "guest writes to a pinned L1 table, trapped and emulated"],
  emulate_privop: ["xen", "privileged instructions of the guest, emulated"],
  syscall_entry: ["xen", "system calls of user mode, bounced to the guest kernel"],
  irq_entry: ["xen", "interrupts taken by Xen while the guest ran"],
  toggle_guest_mode: ["xen", "switches between guest-user and guest-kernel mode"],
  l1e_set: ["xen", "L1 entries written with a present value, from not present"],
  l1e_cleared: ["xen", "L1 entries written with a non-present value, from present"],
  l1e_changed: ["xen", "L1 entries changed, present to present, audited again"],
  l1e_fast: ["xen", "L1 entries changed in bits that need no audit"],
  l2e_set: ["xen", "L2 entries set by mmu_update"],
  l2e_cleared: ["xen", "L2 entries cleared by mmu_update; each a continuation"],
  l2e_changed: ["xen", "L2 entries changed, present to present"],
  l3e_set: ["xen", "L3 entries set by mmu_update"],
  l3e_cleared: ["xen", "L3 entries cleared by mmu_update; each a continuation"],
  l3e_changed: ["xen", "L3 entries changed, present to present"],
  l4e_set: ["xen", "L4 entries set by mmu_update"],
  l4e_cleared: ["xen", "L4 entries cleared by mmu_update; each a continuation"],
  l4e_changed: ["xen", "L4 entries changed, present to present"],
  raw_pte_write: ["xen", "mmu_update requests on a frame that is no table"],
  promote_l1: ["xen", "L1 tables audited when they came into use as such"],
  promote_l2: ["xen", "L2 tables audited"],
  promote_l3: ["xen", "L3 tables audited"],
  promote_l4: ["xen", "L4 tables audited"],
  demote_l1: ["xen", "L1 tables taken down"],
  demote_l2: ["xen", "L2 tables taken down"],
  demote_l3: ["xen", "L3 tables taken down"],
  demote_l4: ["xen", "L4 tables taken down"],
  audit_present_l1: ["xen", "present entries looked at while L1 tables were audited"],
  audit_present_l2: ["xen", "present entries looked at while L2 tables were audited"],
  audit_present_l3: ["xen", "present entries looked at while L3 tables were audited"],
  audit_present_l4: ["xen", "present entries looked at while L4 tables were audited"],
  demote_present_l1: ["xen", "present entries dropped while L1 tables were taken down"],
  demote_present_l2: ["xen", "present entries dropped while L2 tables were taken down"],
  demote_present_l3: ["xen", "present entries dropped while L3 tables were taken down"],
  demote_present_l4: ["xen", "present entries dropped while L4 tables were taken down"],
  table_pinned: ["xen", "successful MMUEXT_PIN_*"],
  table_unpinned: ["xen", "successful MMUEXT_UNPIN_TABLE"],
  new_baseptr: ["xen", "MMUEXT_NEW_BASEPTR, another L4 than before"],
  new_baseptr_same: ["xen", "MMUEXT_NEW_BASEPTR, the L4 that is loaded"],
  new_user_baseptr: ["xen", "MMUEXT_NEW_USER_BASEPTR"],
  tlb_flush_op: ["xen", "MMUEXT_TLB_FLUSH_* and UVMF_TLB_FLUSH"],
  invlpg_op: ["xen", "MMUEXT_INVLPG_* and UVMF_INVLPG"],
  l4_copy: ["xen", "guest slots of an L4 copied to the root that a pCPU runs on"],
  l4_slots_copied: ["xen", "slots in these copies"],
  l4_window: ["xen", "moves of a vCPU's private window on its guest L4"],
  xen_slot_write: [
    "xen",
    "per-pCPU slots of Xen's written in place, in an L4 at its installation on another pCPU",
  ],
  xen_slot_kept: [
    "xen",
    "per-pCPU slots of Xen's found right, in an L4 at its installation on the same pCPU again",
  ],
  map_domain_page: [
    "xen",
    "frames mapped by map_domain_page(), each unmapped again, where no directmap has them",
  ],
  mapcache_miss: ["xen", "of these, frames that the mapcache did not have: an entry written"],
  mapcache_lock: ["xen", "of these, behind the lock of the domain's mapcache"],
  mapcache_wrap: ["xen", "times that the mapcache had no unused entry left: garbage collected, TLB flushed"],
  audit_exclusive: ["xen", "checks that an L4 is installed on no other vCPU"],
  audit_refused: ["xen", "installations refused by that check"],
  sync_execstate: ["xen", "idle pCPUs that gave up the tables of the vCPU which ran last"],
  vm_exit_hypercall: ["xen", "exits of a hardware guest by VMCALL, each with the entry back"],
  vm_exit_msr: ["xen", "exits of a hardware guest that writes the x2APIC's interrupt command register"],
  vm_exit_interrupt: ["xen", "exits of a hardware guest because an interrupt came for its pCPU"],
  vm_exit_hlt: ["xen", "exits of a hardware guest that has nothing to run"],
  vcpu_kick: [
    "xen",
    "interrupts by which Xen makes another pCPU look at its vCPU's events, or leave it for a flush",
  ],
  shim_flush_assist: ["xen", "HVMOP_flush_tlbs: a shim lets the Xen below it flush all its vCPUs"],
  vcpu_switch: ["xen", "context switches between vCPUs (or from Xen's idle vCPU to another vCPU)"],

  // the processor
  guest_syscall: ["hw", "SYSCALL of a hardware guest, straight into its kernel, and the SYSRET behind it"],
  guest_exception: [
    "hw",
    "exceptions and interrupts that a hardware guest's kernel takes itself, and the IRET behind each",
  ],
  guest_cr3_write: ["hw", "MOV to CR3 executed by a hardware guest: no exit under EPT"],
  refill_user_nested: ["hw", "of refill_user: those of a guest under EPT, which walk both tables"],
  refill_kernel_nested: ["hw", "the same of refill_kernel"],
  cr3_write: ["hw", "MOV to CR3 executed by Xen"],
  cr3_write_noflush: ["hw", "MOV to CR3 that keep the TLB: the NOFLUSH bit, with PCID; in cr3_write too"],
  cr4_write: ["hw", "MOV to CR4, to flush global entries"],
  invlpg: ["hw", "INVLPG executed"],
  invpcid_one: ["hw", "INVPCID executed, one address"],
  invpcid_all: ["hw", "INVPCID executed, a whole context or all"],
  tlb_flush: ["hw", "times that a pCPU lost its TLB entries of guest user mode (and all others)"],
  tlb_flush_nonglobal: [
    "hw",
    "times that a pCPU lost its non-global entries only: those of the guest kernel",
  ],
  refill_kernel: [
    "hw",
    "returns to a guest kernel whose TLB entries a flush has taken: it misses what it touches",
  ],
  refill_user: ["hw", "returns to guest user mode, its TLB entries taken since: it misses what it touches"],
  tlb_flush_domain: ["hw", "flushes of all pCPUs in a domain's dirty mask, local part included (XSA-286)"],
  ipi_sent: ["hw", "interrupts sent to other pCPUs for a flush: one per target"],
  ipi_taken: ["hw", "interrupts taken for a flush while a vCPU of the guest ran"],
  ipi_taken_idle: ["hw", "interrupts taken for a flush by an idle pCPU"],
  iretq: ["hw", "IRETQ executed by Xen"],
  sysret: ["hw", "SYSRET executed by Xen"],

  // what a top-level design adds in the guest
  top_sync_fault: ["design", "faults that only copied top-level slots from the reference pagetable"],
  top_slots_synced: ["design", "top-level slots copied from the reference, at a fault or a switch"],
  top_kernel_slot: ["design", "kernel slots copied from swapper_pg_dir to another top-level table"],
  top_slots_compared: ["design", "top-level slots compared with the reference at a load"],
  top_fanout_set: ["design", "writes of a populated top-level slot to a replica"],
  top_fanout_clear: ["design", "writes of a cleared top-level slot to a replica"],
  top_pair_alloc: ["design", "replica pairs of top-level tables made"],
  top_pair_free: ["design", "replica pairs freed"],
  top_load_same_mm: ["design", "CR3 loads at a switch between two threads of one process"],
  top_unlazy: ["design", "CR3 loads only to leave a borrowed or idle address space"],
} as const satisfies Record<string, readonly [Side, string]>;

/** A kind of event, by name. */
export type EventName = keyof typeof TABLE;

/** All events in index order. */
export const EVENT_NAMES = Object.keys(TABLE) as EventName[];

export const NR_EVENTS = EVENT_NAMES.length;

/** Index of each event: ledger.count(vcpu, EV.set_p4d, 1). */
export const EV = numbered(EVENT_NAMES);

/** The definition behind a name. */
export function eventDefinition(name: EventName): { side: Side; what: string } {
  const [side, what] = TABLE[name];
  return { side, what };
}
