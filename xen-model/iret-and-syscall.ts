/**
 * A return to user mode and the system call that comes next, in one piece: a program that makes one after the other.
 *
 * The plain forms are Xen.iret() and Xen.syscall(). Between the two nobody looks at the tables of user mode, so what is copied for
 * them is not copied; and where a switch of mode is a write of %cr3, of the two nothing stays but the counts.
 * test/xen-model/iret-and-syscall.test.ts holds the two equal, in every byte of the state.
 *
 * Mirrors: do_iret(), lstar_enter (facts/xen.md 2, 3.2).
 */
import { EV } from "../abi/events.js";
import { CAUSE, Tally } from "../abi/ledger.js";
import { resumed_in_both_modes } from "./refill.js";
import type { Xen } from "./xen.js";

const IRET = Tally.frequent({
  iret: 1,
  sysret: 1,
  toggle_guest_mode: 1,
  cr3_write: 1,
  tlb_flush_nonglobal: 1,
});
const SYSCALL_REFILL = Tally.frequent({
  syscall: 1,
  syscall_entry: 1,
  iretq: 1,
  toggle_guest_mode: 1,
  cr3_write: 1,
  tlb_flush_nonglobal: 1,
  refill_kernel: 1,
});

/** See Container.iret_and_syscall(). */
export function iret_and_syscall(x: Xen, vcpu: number): void {
  const { ledger } = x;
  if (is_plain(x, vcpu)) {
    ledger.countAll(vcpu, IRET);
    if (resumed_in_both_modes(x, vcpu)) ledger.count(vcpu, EV.refill_user, 1);
    const before = ledger.enter(vcpu, CAUSE.syscall);
    ledger.countAll(vcpu, SYSCALL_REFILL);
    ledger.enter(vcpu, before);
    return;
  }
  if (x.root.iret_and_syscall?.(x, vcpu) === true) return;
  x.root_is_unseen = true;
  x.iret(vcpu, true);
  x.root_is_unseen = false;
  const before = ledger.enter(vcpu, CAUSE.syscall);
  x.syscall(vcpu);
  ledger.enter(vcpu, before);
}

/** Does the vCPU run on its kernel table, and do two switches of mode bring it back there, with nothing else done? */
function is_plain(x: Xen, vcpu: number): boolean {
  if (x.root.toggles_by_cr3 !== true || x.pv32 || x.tlb !== undefined) return false;
  const { vcpus, pcpus } = x;
  const pcpu = vcpus.pcpu[vcpu]!;
  const kernel = vcpus.guest_table[vcpu]!;
  return vcpus.kernel_mode[vcpu] !== 0 && pcpus.xen_cr3[pcpu] === kernel && pcpus.guest_cr3[pcpu] === kernel;
}
