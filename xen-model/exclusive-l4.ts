/**
 * The audit of top-level tables that are not shared: an L4 is installed on one vCPU at most.
 *
 * The first vCPU that installs an L4 becomes its owner, for both modes, until it has the L4 in neither. A blocked vCPU
 * counts as a running one does: its tables stay in %cr3, lazily. The owner changes in one step with the type count, so
 * of two vCPUs that install an L4 at once one wins; it goes before the reference does, so no frame keeps an owner
 * beyond its use; pins have no say in it. L4s have no linear uses then (linear-pagetable.ts). To observe, all is let
 * through, and several vCPUs may have an L4: there are no owners then, and who has it is looked up.
 *
 * Mirrors: nothing upstream: it is what a Xen would check for guests with the proposal's feature (facts/xen.md 1.7,
 *          11).
 * Differs: the owner is a column. Upstream it would be bits of type_info, next to the count, which a
 *          compare-and-exchange changes together (of an L4 that is audited first: that which sets PGT_validated);
 *          struct page_info has no other room for 8,192 vCPUs. Two more ways in need no check: dom0's builder installs
 *          on vCPU 0 when there is no other, and XEN_DOMCTL_setvcpucontext takes no other tables than a vCPU has
 *          (-EOPNOTSUPP). A 32-bit guest has L4s of Xen's own, one for each vCPU, and is not audited.
 */
import { EBUSY, EINTR, ERESTART, type Rc } from "../abi/errno.js";
import { EV } from "../abi/events.js";
import { PERDOMAIN_SLOT } from "../abi/layout.js";
import { decisionLine } from "./audit-log.js";
import { PGT_root_page_table } from "./frame-table.js";
import { get_page_and_type_from_mfn } from "./page-type.js";
import { refusalDecision, type Place } from "./refusals.js";
import { ROOT_OTHERS, stale_roots } from "./root/l4-uses.js";
import type { Xen } from "./xen.js";

/**
 * A reference to L4 `mfn` for its installation on `vcpu`, and with it the ownership.
 *
 * Errors: -EBUSY     another vCPU has it installed; nothing has changed.
 *         -ERESTART  preempted: it is asked again, as another vCPU may have got it meanwhile.
 *         others     what the audit of the L4 answers.
 */
export function get_root_table(x: Xen, vcpu: number, mfn: number, place: Place): Rc {
  x.race_window?.("get_root_table", mfn);
  const busy = refuse_held(x, vcpu, mfn, place);
  return busy === 0 ? take_root_table(x, vcpu, mfn) : busy;
}

/** The reference and the ownership, without asking whose it is. Errors: as above, but -EBUSY. */
export function take_root_table(x: Xen, vcpu: number, mfn: number): Rc {
  const rc = get_page_and_type_from_mfn(x, vcpu, mfn, PGT_root_page_table, 0);
  if (rc !== 0) return rc === -EINTR ? -ERESTART : rc;
  if (x.exclusive === "enforce") x.frames.l4_owner[mfn] = vcpu + 1;
  return 0;
}

/** 0, or -EBUSY where `mfn` is another vCPU's; to observe, it is noted and let through. */
export function refuse_held(x: Xen, vcpu: number, mfn: number, place: Place): Rc {
  if (x.exclusive === "off") return 0;
  x.ledger.count(vcpu, EV.audit_exclusive, 1);
  const holder = held_by_another(x, vcpu, mfn);
  if (holder < 0) return 0;
  x.ledger.count(vcpu, EV.audit_refused, 1);
  const refusal = x.refusals.note(x.vcpus, place, vcpu, mfn, holder);
  if (x.exclusive === "observe") return 0;
  x.log.add(refusalDecision(refusal));
  return -EBUSY;
}

/** The vCPU other than `vcpu` for which an audit would refuse `mfn`, -1 if none. */
export function held_by_another(x: Xen, vcpu: number, mfn: number): number {
  return x.exclusive === "enforce" ? owner_but(x, vcpu, mfn) : holder_but(x, vcpu, mfn);
}

function owner_but(x: Xen, vcpu: number, mfn: number): number {
  const owner = x.frames.owner_of_l4(mfn);
  return owner === vcpu ? -1 : owner;
}

/** VcpuTable.other_holder(), but nobody is asked where no use is left that could be another's: each has a reference. */
function holder_but(x: Xen, vcpu: number, mfn: number): number {
  return (stale_roots(x, vcpu, mfn) & ROOT_OTHERS) === 0 ? -1 : x.vcpus.other_holder(vcpu, mfn);
}

/** `vcpu` has taken `mfn` off one of its modes, and is about to drop the reference. */
export function leave_root_table(x: Xen, vcpu: number, mfn: number): void {
  if (x.exclusive !== "enforce" || x.vcpus.has_installed(vcpu, mfn)) return;
  if (x.rules.owner_ends_with_installation) x.frames.l4_owner[mfn] = 0;
}

/** Slots of an audited guest's L4 that are its pCPU's: the area that is per vCPU in "Address Space Isolation" v2. */
export const PERCPU_SLOTS: readonly number[] = [PERDOMAIN_SLOT];

/**
 * Give L4 `l4`, which `vcpu` alone is to have installed, the Xen slots of its pCPU, in place. An L4 that was there
 * last has them.
 *
 * No flush: `l4` is in no %cr3 yet, and what the vCPU's other L4 maps there is the same.
 * Mirrors: nothing upstream. A copy would do, as ASI's or XPTI's; the audit makes it unnecessary (facts/xen.md 1.4,
 *          4.3).
 * Differs: vCPUs do not move between pCPUs; a context switch to another pCPU would write both of the vCPU's L4s.
 */
export function write_percpu_slots(x: Xen, vcpu: number, l4: number): void {
  if (x.exclusive === "off" || !x.rules.percpu_slots_follow_owner) return;
  const pcpu = x.vcpus.pcpu[vcpu]!;
  for (const slot of PERCPU_SLOTS) {
    const kept = x.tables.has_percpu_slot(l4, slot, x.pcpus.percpu_l3[pcpu]!);
    x.ledger.count(vcpu, kept ? EV.xen_slot_kept : EV.xen_slot_write, 1);
    if (!kept) x.tables.set_percpu_slot(l4, slot, x.pcpus.percpu_l3[pcpu]!);
  }
}

/** The last refusal as a line of a report, "" if there was none. */
export function lastRefusalLine(x: Xen): string {
  const last = x.refusals.last();
  return last === undefined ? "" : decisionLine(refusalDecision(last));
}
