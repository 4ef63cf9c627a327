/**
 * The commonest page faults as Xen sees them, in one piece: the fault of a program is passed on, the handler fills entries of an L1 by
 * hypercalls, or none, or puts another into the place of one, and the guest returns to the program.
 *
 * The plain forms are Xen.page_fault(), hypercall() and iret(). What is not plainly these is left to them, with nothing changed;
 * test/machine/at-once.test.ts holds the two equal (Machine.equals()).
 *
 * Mirrors: do_page_fault(), xen/arch/x86/traps.c; do_mmu_update(), xen/arch/x86/mm.c, with count 1; do_iret(), pv/iret.c.
 */
import { Tally } from "../abi/ledger.js";
import type { EntryRun } from "../abi/mmu-update.js";
import type { Vpn } from "../abi/frames.js";
import type { Guest } from "../abi/upcalls.js";
import { _PAGE_PRESENT } from "../abi/page.js";
import { adjust_guest_l1e } from "./adjust.js";
import { TOUCH_DONE, TOUCH_FAULTED, TOUCH_PLAIN } from "./container.js";
import { flush_tlb_one_local } from "./flush.js";
import type { Access } from "./hw/control.js";
import { NO_ENTRY } from "./hw/walk.js";
import { put_page_from_l1e } from "./l1e-refs.js";
import { fill_l1es } from "./many-in-one.js";
import { exit_to_guest, there_and_back } from "./refill.js";
import { fill_l1e, FILLED, is_l1_in_use, take_refs } from "./update-one-l1e.js";
import type { Xen } from "./xen.js";

/** The fault and the return; where a switch of mode is a write of %cr3, there are two of these. */
const FAULT_AND_IRET = Tally.of({ page_fault: 1, iretq: 1, iret: 1, toggle_guest_mode: 2, sysret: 1 });
const TOGGLED_TWICE = Tally.of({ cr3_write: 2, tlb_flush_nonglobal: 2 });
/** These, and a hypercall between them that fills one entry. */
const FILLED_ON_FAULT = Tally.of({
  page_fault: 1,
  iretq: 1,
  mmu_update: 1,
  mmu_update_items: 1,
  l1e_set: 1,
  iret: 1,
  toggle_guest_mode: 2,
  sysret: 2,
});

/** A fault whose handler empties an entry by a store, flushes its page, and fills it again. */
const REPLACED_ON_FAULT = Tally.of({
  page_fault: 1,
  iretq: 1,
  ptwr_emulation: 1,
  l1e_cleared: 1,
  mmuext_op: 1,
  mmuext_op_items: 1,
  invlpg_op: 1,
  mmu_update: 1,
  mmu_update_items: 1,
  l1e_set: 1,
  iret: 1,
  toggle_guest_mode: 2,
  sysret: 3,
});

/** See Hypervisor.fill_on_fault(). */
export function fill_on_fault(
  x: Xen,
  vcpu: number,
  table: number,
  slot: number,
  frame: number,
  flags: number,
): boolean {
  if (!is_plain_fault(x, vcpu) || frame === table || !is_l1_in_use(x, table)) return false;
  if (!fill_l1e(x, table, slot, frame, flags)) return false;
  x.ledger.countAll(vcpu, FILLED_ON_FAULT);
  pass_through_kernel(x, vcpu, 1);
  return true;
}

/** See Hypervisor.fill_run_on_fault(). */
export function fill_run_on_fault(
  x: Xen,
  vcpu: number,
  table: number,
  run: EntryRun,
  flags: number,
): boolean {
  const { ledger } = x;
  if (!is_plain_fault(x, vcpu)) return false;
  if (run.n > 0) {
    if (!is_l1_in_use(x, table) || !fill_l1es(x, table, run, 0, run.n, flags)) return false;
    const { times } = ledger;
    ledger.times = times * run.n;
    ledger.countAll(vcpu, FILLED);
    ledger.times = times;
  }
  ledger.countAll(vcpu, FAULT_AND_IRET);
  pass_through_kernel(x, vcpu, run.n);
  return true;
}

/**
 * See Hypervisor.replace_on_fault(). The store traps where the kernel's tables, which are in %cr3 by then, map the L1 read-only; the walk
 * leaves no mark on them.
 */
export function replace_on_fault(
  x: Xen,
  vcpu: number,
  at: Vpn,
  page: Vpn,
  table: number,
  slot: number,
  frame: number,
  flags: number,
): boolean {
  const { mem, vcpus } = x;
  if (!is_plain_fault(x, vcpu) || x.root.toggles_by_cr3 !== true) return false;
  if (table >= mem.nrTables || frame === table || !is_l1_in_use(x, table)) return false;
  if (!x.processor.maps_read_only(vcpus.guest_table[vcpu]!, at, table)) return false;
  const oldFlags = mem.flags(table, slot);
  if ((oldFlags & _PAGE_PRESENT) === 0 || !take_refs(x, frame, flags)) return false;
  put_page_from_l1e(x, vcpu, mem.frame(table, slot), oldFlags);
  mem.set(table, slot, frame, adjust_guest_l1e(flags, x.pv32));
  x.ledger.countAll(vcpu, REPLACED_ON_FAULT);
  flush_tlb_one_local(x, vcpu, page);
  pass_through_kernel(x, vcpu, 3);
  return true;
}

/**
 * See Container.touch_at_once(). The walk that raises the fault, and the one that comes behind it, leave no mark on the entries above the
 * L1's, so that these are walked once: the root is the same for both, and a copy of the L4 that comes in between has A set in all entries.
 */
export function touch_at_once(x: Xen, guest: Guest, vcpu: number, page: Vpn, access: Access): number {
  const { processor, pcpus } = x;
  if (!x.has_plain_faults) return TOUCH_PLAIN;
  const pcpu = x.vcpus.pcpu[vcpu]!;
  const root = pcpus.guest_cr3[pcpu]!;
  const l1e = processor.missing_l1e(pcpu, page);
  if (l1e === NO_ENTRY) return TOUCH_PLAIN;
  if (guest.page_fault_at_once?.(vcpu, page, processor.error_of(access)) !== true) return TOUCH_PLAIN;
  return pcpus.guest_cr3[pcpu] === root && processor.succeeds_at(l1e, access) ? TOUCH_DONE : TOUCH_FAULTED;
}

/** Does a program run, and is nothing else looked at in between? */
function is_plain_fault(x: Xen, vcpu: number): boolean {
  const { vcpus } = x;
  if (!x.has_plain_faults) return false;
  return vcpus.blocked[vcpu] === 0 && vcpus.kernel_mode[vcpu] === 0 && vcpus.old_guest_table[vcpu] === 0;
}

/**
 * Xen passes a fault on, is called `calls` times or takes a trap instead, and returns to the program. Behind the first call all is as
 * that left it, so a second one counts for all others.
 */
function pass_through_kernel(x: Xen, vcpu: number, calls: number): void {
  const { root, vcpus, ledger } = x;
  if (root.toggles_by_cr3 === true && runs_on_own_table(x, vcpu)) {
    ledger.countAll(vcpu, TOGGLED_TWICE);
    there_and_back(x, vcpu);
    return;
  }
  if (root.through_kernel !== undefined) {
    root.through_kernel(x, vcpu, calls);
    return;
  }
  root.enter_from_guest(x, vcpu);
  vcpus.kernel_mode[vcpu] = 1;
  root.toggle_guest_mode(x, vcpu);
  exit_to_guest(x, vcpu);
  if (calls > 0) {
    root.enter_from_guest(x, vcpu);
    exit_to_guest(x, vcpu);
  }
  if (calls > 1) {
    const { times } = ledger;
    ledger.times = times * (calls - 1);
    root.enter_from_guest(x, vcpu);
    exit_to_guest(x, vcpu);
    ledger.times = times;
  }
  root.enter_from_guest(x, vcpu);
  vcpus.kernel_mode[vcpu] = 0;
  root.toggle_guest_mode(x, vcpu);
  exit_to_guest(x, vcpu);
}

/** Has the pCPU the table in %cr3 that a switch of mode and another one back would load? */
function runs_on_own_table({ vcpus, pcpus }: Xen, vcpu: number): boolean {
  const pcpu = vcpus.pcpu[vcpu]!;
  const own = vcpus.current_table(vcpu);
  return pcpus.xen_cr3[pcpu] === own && pcpus.guest_cr3[pcpu] === own;
}
