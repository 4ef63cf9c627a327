/**
 * Hypercalls that Xen interrupts: they leave to the guest, whose registers are such that it calls again.
 *
 * The row of the call is the guest's registers. A preempted call has there what is left of it, marked with
 * MMU_UPDATE_PREEMPTED; one that is done but for an old table has no requests, and its result in place of foreigndom. Between
 * two entries anything may run, on this vCPU or another.
 *
 * Mirrors: hypercall_create_continuation(), and its uses in do_mmu_update() and do_mmuext_op(), xen/arch/x86/mm.c
 *          (facts/xen.md 1.8).
 */
import { ERESTART, type Rc } from "../abi/errno.js";
import { put_old_guest_table } from "./page-type.js";
import type { Xen } from "./xen.js";

/** In the count of a continued call. Differs: the top bit of 32, upstream; a row's count has 16. */
export const MMU_UPDATE_PREEMPTED = 0x8000;

/** "No pointer", for the first request of a call that has its result already. */
export const NULL = 0xffff;

/**
 * Take up the call that the registers name, new or continued. False where it ends at once, with rc: -ERESTART, an old table
 * is still to be taken down; else the call's result.
 */
export function begin_requests(x: Xen, vcpu: number): boolean {
  const r = x.requests;
  const calls = r.calls[vcpu]!;
  const row = r.row[vcpu]!;
  r.rc[vcpu] = put_old_guest_table(x, vcpu);
  if (r.rc[vcpu] !== 0) return false;
  const count = calls.count[row]!;
  const resumed = (count & MMU_UPDATE_PREEMPTED) !== 0;
  r.first[vcpu] = calls.first[row]!;
  r.resumed[vcpu] = resumed ? 1 : 0;
  r.count[vcpu] = count & ~MMU_UPDATE_PREEMPTED;
  r.done[vcpu] = 0;
  r.i[vcpu] = 0;
  r.part[vcpu] = 0;
  r.forget_pcpus(vcpu);
  r.roots[vcpu] = 0;
  if (!resumed) return true;
  if (r.first[vcpu] === NULL) {
    r.rc[vcpu] = calls.domid[row]! | 0;
    return false;
  }
  r.done[vcpu] = Math.max(calls.done[row]!, 0);
  return true;
}

/**
 * The next request may be made: there is one, all before it succeeded, and no other work is pending. Else rc is -ERESTART
 * where the call is to be made again.
 */
export function may_go_on(x: Xen, vcpu: number): boolean {
  const r = x.requests;
  if (r.rc[vcpu] !== 0 || r.i[vcpu]! >= r.count[vcpu]!) return false;
  if (x.vcpus.old_guest_table[vcpu] === 0 && (r.i[vcpu] === 0 || !x.hypercall_preempt_check())) return true;
  r.rc[vcpu] = -ERESTART;
  return false;
}

/**
 * End this entry into the call: with rc, or -ERESTART where it is to be made again. Writes *pdone.
 */
export function end_requests(x: Xen, vcpu: number): Rc {
  const r = x.requests;
  const calls = r.calls[vcpu]!;
  const row = r.row[vcpu]!;
  const i = r.i[vcpu]!;
  const rc = r.rc[vcpu]!;
  calls.done[row] = r.done[vcpu]! + i;
  if (rc === -ERESTART) {
    calls.first[row] = r.first[vcpu]! + i;
    calls.count[row] = (r.count[vcpu]! - i) | MMU_UPDATE_PREEMPTED;
    return rc;
  }
  if (x.vcpus.old_guest_table[vcpu] === 0) return rc;
  calls.first[row] = NULL;
  calls.count[row] = MMU_UPDATE_PREEMPTED;
  calls.domid[row] = rc;
  r.rc[vcpu] = -ERESTART;
  return -ERESTART;
}
