/**
 * The two operations that load a pair of L4s: for kernel mode, and for user mode.
 *
 * Mirrors: __xen_write_cr3(), arch/x86/xen/mmu_pv.c.
 */
import { Tally } from "../../abi/ledger.js";
import {
  add_mmuext_op,
  MMUEXT_NEW_BASEPTR,
  MMUEXT_NEW_USER_BASEPTR,
  MMUEXT_OP_BYTES,
  push_mmuext_op,
} from "../../abi/mmuext-op.js";
import type { Linux } from "../linux.js";
import { xen_extend_mmuext_op } from "./multicalls.js";
import { xen_get_user_pgd } from "./set-entries.js";

/** xen_extend_mmuext_op() twice, with nothing queued. */
const FIRST_QUEUED = Tally.frequent({
  mc_extend_mmuext_op_bad_op: 1,
  mc_entry: 1,
  mc_entry_mmuext_op: 1,
  mc_extend_mmuext_op_ok: 1,
});

/**
 * Queue both for `pgd`; tables of init_mm have no user-mode L4, which unloads the last one. In one piece where nothing is queued;
 * test/machine/by-name.test.ts holds that equal to the plain form below.
 */
export function load_base_pointers(k: Linux, cpu: number, pgd: number): void {
  const user_pgd = xen_get_user_pgd(k, pgd);
  const { calls, argidx } = k.mc[cpu]!;
  if (k.at_once && calls.used[0] === 0 && argidx[0] === 0) {
    k.ledger.countAll(cpu, FIRST_QUEUED);
    push_mmuext_op(calls);
    add_mmuext_op(calls, MMUEXT_NEW_BASEPTR, pgd);
    add_mmuext_op(calls, MMUEXT_NEW_USER_BASEPTR, user_pgd);
    argidx[0] = 2 * MMUEXT_OP_BYTES;
    return;
  }
  xen_extend_mmuext_op(k, cpu, MMUEXT_NEW_BASEPTR, pgd);
  xen_extend_mmuext_op(k, cpu, MMUEXT_NEW_USER_BASEPTR, user_pgd);
}
