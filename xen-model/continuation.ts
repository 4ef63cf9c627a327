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
import type { CallBuffer } from "../abi/hypercalls.js";
import { put_old_guest_table } from "./page-type.js";
import type { Xen } from "./xen.js";

/** In the count of a continued call. Differs: the top bit of 32, upstream; a row's count has 16. */
export const MMU_UPDATE_PREEMPTED = 0x8000;

/** "No pointer", for the first request of a call that has its result already. */
const NULL = 0xffff;

/** Where the requests of a call begin, and how many there are; how many were done in earlier entries. */
export class Requests {
  first = 0;
  count = 0;
  done = 0;
  resumed = false;
  rc: Rc = 0;
}

/**
 * Take up the call in `row`, new or continued. False where it ends at once, with r.rc: -ERESTART, an old table is
 * still to be taken down; else the call's result.
 */
export function begin_requests(x: Xen, vcpu: number, calls: CallBuffer, row: number, r: Requests): boolean {
  r.rc = put_old_guest_table(x, vcpu);
  if (r.rc !== 0) return false;
  const count = calls.count[row]!;
  r.first = calls.first[row]!;
  r.resumed = (count & MMU_UPDATE_PREEMPTED) !== 0;
  r.count = count & ~MMU_UPDATE_PREEMPTED;
  r.done = 0;
  if (!r.resumed) return true;
  if (r.first === NULL) {
    r.rc = calls.domid[row]! | 0;
    return false;
  }
  r.done = Math.max(calls.done[row]!, 0);
  return true;
}

/**
 * End this entry into the call, of whose requests `i` are done: with `rc`, or -ERESTART where it is to be made again.
 * Writes *pdone.
 */
export function end_requests(
  x: Xen,
  vcpu: number,
  calls: CallBuffer,
  row: number,
  r: Requests,
  i: number,
  rc: Rc,
): Rc {
  calls.done[row] = r.done + i;
  if (rc === -ERESTART) {
    calls.first[row] = r.first + i;
    calls.count[row] = (r.count - i) | MMU_UPDATE_PREEMPTED;
    return -ERESTART;
  }
  if (x.vcpus.old_guest_table[vcpu] === 0) return rc;
  calls.first[row] = NULL;
  calls.count[row] = MMU_UPDATE_PREEMPTED;
  calls.domid[row] = rc;
  return -ERESTART;
}
