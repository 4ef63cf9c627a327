/**
 * The two operations that load a pair of L4s: for kernel mode, and for user mode.
 *
 * Mirrors: __xen_write_cr3(), arch/x86/xen/mmu_pv.c.
 */
import { MMUEXT_NEW_BASEPTR, MMUEXT_NEW_USER_BASEPTR } from "../../abi/mmuext-op.js";
import type { Linux } from "../linux.js";
import { xen_extend_mmuext_op } from "./multicalls.js";
import { xen_get_user_pgd } from "./set-entries.js";

/** Queue both for `pgd`; tables of init_mm have no user-mode L4, which unloads the last one. */
export function load_base_pointers(k: Linux, cpu: number, pgd: number): void {
  xen_extend_mmuext_op(k, cpu, MMUEXT_NEW_BASEPTR, pgd);
  xen_extend_mmuext_op(k, cpu, MMUEXT_NEW_USER_BASEPTR, xen_get_user_pgd(k, pgd));
}
