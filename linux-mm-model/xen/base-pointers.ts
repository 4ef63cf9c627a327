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
import { queues_nothing_else } from "./switch-to.js";

/** xen_extend_mmuext_op() twice, with nothing queued. */
const FIRST_QUEUED = Tally.frequent({
  mc_extend_mmuext_op_bad_op: 1,
  mc_entry: 1,
  mc_entry_mmuext_op: 1,
  mc_extend_mmuext_op_ok: 1,
});

/**
 * Queue both for `pgd`; tables of init_mm have no user-mode L4, which unloads the last one. In one piece where nothing is queued; and
 * where they are all that a switch of tasks will queue, and it goes on to switch_to_at_once(), the call is made here, and the RDMSR
 * that comes first. test/machine/by-name.test.ts holds these equal to the plain form below.
 */
export function load_base_pointers(k: Linux, cpu: number, pgd: number): void {
  const user_pgd = xen_get_user_pgd(k, pgd);
  const { mcLevels } = k;
  if (k.at_once && mcLevels.queued(cpu) === 0 && mcLevels.argidx[cpu] === 0) {
    k.ledger.countAll(cpu, FIRST_QUEUED);
    if (is_all_of_a_switch(k, cpu) && k.hv.begin_switch_to?.(cpu, pgd, user_pgd) === true) {
      mcLevels.made[cpu] = 1;
      return;
    }
    const { calls } = k.mc[cpu]!;
    push_mmuext_op(calls);
    add_mmuext_op(calls, MMUEXT_NEW_BASEPTR, pgd);
    add_mmuext_op(calls, MMUEXT_NEW_USER_BASEPTR, user_pgd);
    mcLevels.argidx[cpu] = 2 * MMUEXT_OP_BYTES;
    return;
  }
  xen_extend_mmuext_op(k, cpu, MMUEXT_NEW_BASEPTR, pgd);
  xen_extend_mmuext_op(k, cpu, MMUEXT_NEW_USER_BASEPTR, user_pgd);
}

function is_all_of_a_switch(k: Linux, cpu: number): boolean {
  return k.switchesByName && queues_nothing_else(k, cpu, k.regs.next_task[cpu]!);
}
