/**
 * What a PV guest's kernel can do to Xen: the line between the twins, seen from the guest.
 *
 * The Linux twin holds one of these, bound to its domain; xen-model/ implements it. A guest cannot make it
 * throw, whatever it asks for.
 */
import type { Rc } from "./errno.js";
import type { VcpuId, Vpn } from "./frames.js";
import type { CallBuffer } from "./hypercalls.js";
import type { EntryRun } from "./mmu-update.js";

/**
 * The answer of hypercall() and multicall() where the caller steps Xen itself: the checker. The calls are made later, and the
 * guest runs on behind them; neither they nor their results may be touched before.
 */
export const HYPERCALL_STEPPED = 1;

export interface Hypervisor {
  /** Make the call in `row` of `calls` a hypercall of its own. Its rc (and done) are written to the row. */
  hypercall(vcpu: VcpuId, calls: CallBuffer, row: number): Rc;

  /**
   * HYPERVISOR_multicall over calls 0..count-1 of `calls`, in order; each call's rc is written to its row.
   * A call that fails does not stop the ones behind it.
   */
  multicall(vcpu: VcpuId, calls: CallBuffer, count: number): Rc;

  /** HYPERVISOR_iret: return to user mode, or to an interrupted kernel. Mirrors: do_iret(), pv/iret.c. */
  iret(vcpu: VcpuId, toUser: boolean): void;

  /**
   * A privileged instruction of the guest kernel that traps and is emulated, here RDMSR.
   * Mirrors: pv_emulate_privileged_op(), pv/emul-priv-op.c.
   */
  emulate_privop(vcpu: VcpuId): void;

  /**
   * VCPUOP_initialise, VCPUOP_up: start `vcpu` on the kernel L4 `cr3`, with user L4 `user` if there is one. Once for each
   * vCPU: -EEXIST afterwards. Mirrors: arch_set_info_guest().
   */
  vcpu_initialise(vcpu: VcpuId, cr3: number, user?: number): Rc;

  /** VCPUOP_up: a vCPU that called VCPUOP_down runs on, on the tables that it has. */
  vcpu_up(vcpu: VcpuId): Rc;

  /** VCPUOP_down: the vCPU calls it on itself, and does not run again until VCPUOP_up. */
  vcpu_down(vcpu: VcpuId): Rc;

  /** SCHEDOP_block: nothing to run. Xen's pCPU goes idle and keeps this vCPU's tables loaded. */
  block(vcpu: VcpuId): void;

  /**
   * A kernel store of 8 bytes (mov, xchg, lock and) to entry `slot` of the frame that `page` maps, through
   * the tables this vCPU has loaded. If `page` is mapped read-only because the frame is a pagetable, the
   * store traps, and Xen emulates it (ptwr) or hands the fault to the guest: then the result is -EFAULT.
   * Mirrors: hardware; pv/ro-page-fault.c.
   */
  store(vcpu: VcpuId, page: Vpn, slot: number, frame: number, flags: number): Rc;

  // Many calls in one, where a Xen has that. All are made, or none: then the caller makes them, which comes to the same.

  /** store() of an empty entry to each of slots `first`..`end` - 1 that holds something. */
  store_empty?(vcpu: VcpuId, page: Vpn, first: number, end: number): boolean;

  /**
   * hypercall() with an mmu_update of one request for each of entries `from`..`to` - 1 of `run`, with `flags`.
   */
  update_l1es?(vcpu: VcpuId, table: number, run: EntryRun, from: number, to: number, flags: number): boolean;

  /** hypercall() with an mmuext_op INVLPG_LOCAL for each of `n` pages of user space, the first of which is `page`. */
  flush_pages?(vcpu: VcpuId, page: Vpn, n: number): boolean;

  /**
   * What a context switch asks for: emulate_privop(); the first `n` calls of `queued`, if there are any, by hypercall() if it is one, else
   * by multicall(); and a set_segment_base and a stack_switch as hypercalls of their own, whose results are 0.
   */
  switch_to?(vcpu: VcpuId, queued: CallBuffer | undefined, n: number): boolean;

  /**
   * What switch_to() does first where an mmuext_op NEW_BASEPTR of the L4 `kernel` and NEW_USER_BASEPTR of the L4 `user` is the only
   * call: up to that; and the rest.
   */
  begin_switch_to?(vcpu: VcpuId, kernel: number, user: number): boolean;
  end_switch_to?(vcpu: VcpuId): void;

  /**
   * The guest clears frame `table`, which `at` maps; an update_va_mapping of `at` makes that mapping `readOnly`: with an mmuext_op
   * PIN_L1_TABLE behind it by multicall(), or by hypercall() for `level` 2; and hypercall() with an mmu_update of one request makes
   * `table` what entry `slot` of `upper` leads to.
   */
  hook_new_table?(
    vcpu: VcpuId,
    level: 1 | 2,
    table: number,
    at: Vpn,
    readOnly: number,
    upper: number,
    slot: number,
    flags: number,
  ): boolean;

  /**
   * A page fault of user mode as it is passed on, its handler's hypercall() with an mmu_update of one request, which fills an entry of
   * an L1, and iret() to user mode.
   */
  fill_on_fault?(vcpu: VcpuId, table: number, slot: number, frame: number, flags: number): boolean;

  /** The same with a hypercall for each entry of `run`, which may be none: read-only entries of empty slots, all with `flags`. */
  fill_run_on_fault?(vcpu: VcpuId, table: number, run: EntryRun, flags: number): boolean;

  /**
   * The same with a store() of an empty entry to `slot` of the L1 `table`, which `at` maps, a hypercall() with an mmuext_op INVLPG_LOCAL of
   * `page`, and one with an mmu_update of one request, which fills the entry again.
   */
  replace_on_fault?(
    vcpu: VcpuId,
    at: Vpn,
    page: Vpn,
    table: number,
    slot: number,
    frame: number,
    flags: number,
  ): boolean;
}
