/**
 * HYPERVISOR_mmuext_op: pin and unpin tables, load base pointers, flush TLBs.
 *
 *   mx_cmd  MMUEXT_*
 *   mx_mfn  arg1.mfn: the frame to pin, unpin, load, clear, or copy to (up to 40 bits); SET_LDT: the
 *           address's low 12 bits, which must be 0
 *   mx_va   arg1.linear_addr >> 12, all 52 bits: INVLPG_*, SET_LDT
 *   mx_arg  arg2: src_mfn of COPY_PAGE, nr_ents of SET_LDT, vCPUs 0 to 31 of the bitmap of *_MULTI
 *   mx_vcpus  ... and the words behind these, of a guest that has more
 *
 * Mirrors: struct mmuext_op, xen/include/public/xen.h; 24 bytes an op.
 * Differs: arg2.vcpumask is the bitmap, not a pointer to it, so it cannot fault.
 */
import { cpumask_test_cpu } from "./cpumask.js";
import { __HYPERVISOR_mmuext_op, DOMID_SELF, type CallBuffer } from "./hypercalls.js";

export const MMUEXT_PIN_L1_TABLE = 0;
export const MMUEXT_PIN_L2_TABLE = 1;
export const MMUEXT_PIN_L3_TABLE = 2;
export const MMUEXT_PIN_L4_TABLE = 3;
export const MMUEXT_UNPIN_TABLE = 4;
export const MMUEXT_NEW_BASEPTR = 5;
export const MMUEXT_TLB_FLUSH_LOCAL = 6;
export const MMUEXT_INVLPG_LOCAL = 7;
export const MMUEXT_TLB_FLUSH_MULTI = 8;
export const MMUEXT_INVLPG_MULTI = 9;
export const MMUEXT_TLB_FLUSH_ALL = 10;
export const MMUEXT_INVLPG_ALL = 11;
export const MMUEXT_FLUSH_CACHE = 12;
export const MMUEXT_SET_LDT = 13;
export const MMUEXT_NEW_USER_BASEPTR = 15;
export const MMUEXT_CLEAR_PAGE = 16;
export const MMUEXT_COPY_PAGE = 17;
export const MMUEXT_FLUSH_CACHE_GLOBAL = 18;
export const MMUEXT_MARK_SUPER = 19;
export const MMUEXT_UNMARK_SUPER = 20;

export const MMUEXT_OP_BYTES = 24;

/** Begin an mmuext_op call without ops; returns its row. Ops are added while it is the last call. */
export function push_mmuext_op(calls: CallBuffer, domid: number = DOMID_SELF): number {
  const row = calls.push(__HYPERVISOR_mmuext_op);
  calls.first[row] = calls.used[2]!;
  calls.domid[row] = domid;
  return row;
}

/** Add one op to the last call, which is an mmuext_op. */
export function add_mmuext_op(calls: CallBuffer, cmd: number, mfn: number, va = 0, arg = 0): void {
  const request = calls.used[2]!;
  if (request >= calls.capacity.mmuextOps) {
    throw new RangeError(`CallBuffer: ${request} mmuext_ops are the capacity; issue them first`);
  }
  calls.used[2] = request + 1;
  const row = calls.used[0]! - 1;
  calls.count[row] = calls.count[row]! + 1;
  calls.mx_cmd[request] = cmd;
  calls.mx_mfn[request] = mfn;
  calls.mx_va[request] = va;
  calls.mx_arg[request] = arg;
}

/** Give the op added last the vCPU bitmap of `words` words that begins at `mask[at]`. */
export function set_vcpumask(calls: CallBuffer, mask: Uint32Array, at: number, words: number): void {
  const request = calls.used[2]! - 1;
  calls.mx_arg[request] = mask[at]!;
  for (let i = 1; i < words; i++) calls.mx_vcpus[request * (words - 1) + i - 1] = mask[at + i]!;
}

/** Is `vcpu` in the bitmap of op `request`? */
export function vcpumask_test(calls: CallBuffer, request: number, vcpu: number): boolean {
  const word = vcpu >>> 5;
  if (word === 0) return ((calls.mx_arg[request]! >>> vcpu) & 1) !== 0;
  return word <= calls.moreWords && cpumask_test_cpu(vcpu - 32, calls.mx_vcpus, request * calls.moreWords);
}
