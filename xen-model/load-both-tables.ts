/**
 * The hypercall of a switch of address spaces in one piece: an mmuext_op that loads an L4 for kernel mode and one for user mode.
 *
 * The plain form is Xen.begin_hypercall(): do_mmuext_op() with its registers, which such a call leaves as they were. What is
 * not that call, or meets more than two more uses of audited L4s and two less, is left to it, with nothing changed;
 * test/xen-model/load-both-tables.test.ts holds the two equal, in every byte of the state.
 *
 * Mirrors: do_mmuext_op(), new_guest_cr3(), xen/arch/x86/mm.c.
 */
import type { Rc } from "../abi/errno.js";
import { __HYPERVISOR_mmuext_op, type CallBuffer, DOMID_SELF } from "../abi/hypercalls.js";
import { Tally } from "../abi/ledger.js";
import { MMUEXT_NEW_BASEPTR, MMUEXT_NEW_USER_BASEPTR } from "../abi/mmuext-op.js";
import { held_by_another, leave_root_table, write_percpu_slots } from "./exclusive-l4.js";
import {
  type FrameTable,
  OWNER_guest,
  PGT_locked,
  PGT_root_page_table,
  PGT_validated,
} from "./frame-table.js";
import { exit_to_guest } from "./refill.js";
import { NOT_PLAIN } from "./update-one-l1e.js";
import type { Xen } from "./xen.js";

const LOAD = Tally.frequent({
  mmuext_op: 1,
  mmuext_op_items: 2,
  new_baseptr: 1,
  new_user_baseptr: 1,
  sysret: 1,
});
const AUDITS = Tally.frequent({ audit_exclusive: 2 });

/** Make the call in `row`, if it is such a one; else NOT_PLAIN. */
export function load_both_tables(x: Xen, vcpu: number, calls: CallBuffer, row: number): Rc {
  if (calls.op[row] !== __HYPERVISOR_mmuext_op || calls.count[row] !== 2) return NOT_PLAIN;
  if (calls.domid[row] !== DOMID_SELF) return NOT_PLAIN;
  const first = calls.first[row]!;
  if (calls.mx_cmd[first] !== MMUEXT_NEW_BASEPTR || calls.mx_cmd[first + 1] !== MMUEXT_NEW_USER_BASEPTR)
    return NOT_PLAIN;
  const kernel = calls.mx_mfn[first]!;
  const user = calls.mx_mfn[first + 1]!;
  if (!loads_plainly(x, vcpu, kernel, user)) return NOT_PLAIN;
  load_both(x, vcpu, kernel | 0, user | 0);
  calls.done[row] = 2;
  calls.rc[row] = 0;
  return 0;
}

/** Does such a call for these L4s come to two more uses of audited tables, and two less? */
export function loads_plainly(x: Xen, vcpu: number, kernelMfn: number, userMfn: number): boolean {
  const { vcpus, frames } = x;
  if (!x.has_plain_loads || x.race_window !== undefined) return false;
  if (vcpus.blocked[vcpu] !== 0 || vcpus.kernel_mode[vcpu] === 0) return false;
  if (vcpus.old_guest_table[vcpu] !== 0) return false;

  if (kernelMfn >= frames.nrFrames || userMfn >= frames.nrFrames) return false;
  const kernel = kernelMfn | 0;
  const user = userMfn | 0;
  const oldKernel = vcpus.guest_table[vcpu]!;
  const oldUser = vcpus.guest_table_user[vcpu]!;
  if (kernel === user || kernel === oldUser || user === oldKernel || oldKernel === oldUser) return false;
  if (kernel === oldKernel || user === oldUser) return false;
  if (!is_audited_l4(frames, kernel) || !is_audited_l4(frames, user)) return false;
  if (!has_other_uses(frames, oldKernel) || !has_other_uses(frames, oldUser)) return false;
  if (x.exclusive === "off") return true;
  return held_by_another(x, vcpu, kernel) < 0 && held_by_another(x, vcpu, user) < 0;
}

/** Make the call, which loads_plainly(). */
export function load_both(x: Xen, vcpu: number, kernel: number, user: number): void {
  const { vcpus, ledger } = x;
  const oldKernel = vcpus.guest_table[vcpu]!;
  const oldUser = vcpus.guest_table_user[vcpu]!;
  const audited = x.exclusive !== "off";
  ledger.countAll(vcpu, LOAD);
  if (audited) ledger.countAll(vcpu, AUDITS);
  x.root.enter_from_guest(x, vcpu);
  get_root_table(x, vcpu, kernel);
  x.tables.fill_ro_mpt(kernel);
  vcpus.guest_table[vcpu] = kernel;
  if (audited) write_percpu_slots(x, vcpu, kernel);
  x.root.write_ptbase(x, vcpu, true);
  put_root_table(x, vcpu, oldKernel);
  get_root_table(x, vcpu, user);
  vcpus.guest_table_user[vcpu] = user;
  if (audited) write_percpu_slots(x, vcpu, user);
  put_root_table(x, vcpu, oldUser);
  exit_to_guest(x, vcpu);
}

/** One more use of `mfn` changes its counts alone. */
function is_audited_l4(frames: FrameTable, mfn: number): boolean {
  return (
    frames.owner[mfn] === OWNER_guest &&
    frames.type[mfn] === PGT_root_page_table &&
    frames.typeCount[mfn] !== 0 &&
    (frames.typeFlags[mfn]! & PGT_validated) !== 0
  );
}

/** One use less of `mfn` changes its counts alone. */
function has_other_uses(frames: FrameTable, mfn: number): boolean {
  return mfn !== 0 && frames.typeCount[mfn]! > 1 && (frames.typeFlags[mfn]! & PGT_locked) === 0;
}

function get_root_table(x: Xen, vcpu: number, mfn: number): void {
  const { count, typeCount, l4_owner } = x.frames;
  count[mfn] = count[mfn]! + 1;
  typeCount[mfn] = typeCount[mfn]! + 1;
  if (x.exclusive === "enforce") l4_owner[mfn] = vcpu + 1;
}

function put_root_table(x: Xen, vcpu: number, mfn: number): void {
  const { count, typeCount } = x.frames;
  leave_root_table(x, vcpu, mfn);
  typeCount[mfn] = typeCount[mfn]! - 1;
  count[mfn] = count[mfn]! - 1;
}
