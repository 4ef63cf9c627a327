/**
 * Loading a guest's tables: base pointers and modes. Who else has an L4 installed is asked in exclusive-l4.ts.
 *
 * Mirrors: new_guest_cr3() (mm.c), MMUEXT_NEW_USER_BASEPTR (mm.c), toggle_guest_mode() (pv/domain.c),
 *          arch_set_info_guest() (domain.c), write_cr() (pv/emul-priv-op.c); facts/xen.md 1.7, 2.
 */
import { EEXIST, EINTR, EINVAL, ERESTART, type Rc } from "../abi/errno.js";
import { EV } from "../abi/events.js";
import { _PAGE_ACCESSED, _PAGE_PRESENT, _PAGE_RW, _PAGE_USER } from "../abi/page.js";
import {
  get_root_table,
  leave_root_table,
  refuse_held,
  take_root_table,
  write_percpu_slots,
} from "./exclusive-l4.js";
import { touch_domain_page } from "./mapcache.js";
import { mod_lN_entry } from "./mod-entries.js";
import { put_old_guest_table, put_or_defer } from "./page-type.js";
import type { Place } from "./refusals.js";
import type { Xen } from "./xen.js";

/** The answer of an operation that has more steps; no errno. */
export const MORE = 1;

/**
 * MMUEXT_NEW_BASEPTR, or an emulated MOV to CR3, in two steps: take the L4, then load it and drop the old one. Where taking
 * down the old L4 is preempted, the new one is loaded already, and a restart finds that nothing else is left.
 *
 * Errors: -EBUSY  under exclusive audit, another vCPU has it installed; -ERESTART; else what the audit of the L4 answers.
 */
export function new_guest_cr3(x: Xen, vcpu: number, mfn: number, place: Place): Rc {
  const { vcpus, ledger } = x;
  if (x.pv32) return new_compat_cr3(x, vcpu, mfn);
  const old = vcpus.guest_table[vcpu]!;
  if (old === mfn) {
    ledger.count(vcpu, EV.new_baseptr_same, 1);
    load_ptbase(x, vcpu, false);
    return 0;
  }
  if (vcpus.claimed[vcpu] === 0) return claim(x, vcpu, mfn, place);
  ledger.count(vcpu, EV.new_baseptr, 1);
  touch_domain_page(x, vcpu, mfn);
  x.tables.fill_ro_mpt(mfn);
  vcpus.guest_table[vcpu] = mfn;
  vcpus.claimed[vcpu] = 0;
  write_percpu_slots(x, vcpu, mfn);
  load_ptbase(x, vcpu, true); // the old one is in %cr3 until here
  leave_root_table(x, vcpu, old);
  return put_or_defer(x, vcpu, old);
}

/** MMUEXT_NEW_USER_BASEPTR; mfn 0 removes it. No CR3 write: the caller runs in kernel mode. Errors: as above. */
export function new_user_baseptr(x: Xen, vcpu: number, mfn: number): Rc {
  const { vcpus, ledger } = x;
  if (x.pv32) return -EINVAL; // compat_mmuext_op()
  const old = vcpus.guest_table_user[vcpu]!;
  if (old === mfn) {
    ledger.count(vcpu, EV.new_user_baseptr, 1);
    return 0;
  }
  if (mfn !== 0 && x.rules.user_table_is_audited && vcpus.claimed[vcpu] === 0)
    return claim(x, vcpu, mfn, "MMUEXT_NEW_USER_BASEPTR");
  ledger.count(vcpu, EV.new_user_baseptr, 1);
  vcpus.guest_table_user[vcpu] = mfn;
  vcpus.claimed[vcpu] = 0;
  if (mfn !== 0) write_percpu_slots(x, vcpu, mfn);
  if (old === 0) return 0;
  leave_root_table(x, vcpu, old);
  return put_or_defer(x, vcpu, old);
}

/**
 * VCPUOP_initialise: `cr3` becomes the vCPU's kernel table, in kernel mode, and `user`, if not 0, its user table
 * (ctrlreg[3] and ctrlreg[1] of the context).
 *
 * Errors: -EEXIST  it was made before; else as above.
 * Mirrors: default_initialise_vcpu(), arch_set_info_guest().
 * Differs: its continuations run at once, and nothing between them; so does the vCPU, as with VGCF_online. Where the user
 *          table does not pass, Xen leaves the kernel table with the vCPU, whose next VCPUOP_initialise forgets that
 *          reference; it is given back here.
 */
export function arch_set_info_guest(x: Xen, vcpu: number, cr3: number, user: number): Rc {
  const { vcpus, pcpus } = x;
  if (vcpus.is_initialised[vcpu] !== 0) return -EEXIST;
  let rc: Rc;
  do rc = x.pv32 ? install_compat(x, vcpu, cr3) : set_root_tables(x, vcpu, cr3, user);
  while (rc === -ERESTART);
  while (put_old_guest_table(x, vcpu) !== 0); // what failed, or a 32-bit guest's last L3
  if (rc !== 0) return rc;
  if (!x.pv32) x.tables.fill_ro_mpt(cr3);
  vcpus.kernel_mode[vcpu] = 1;
  vcpus.is_initialised[vcpu] = 1;
  vcpus.up[vcpu] = 1;
  vcpus.blocked[vcpu] = 0;
  const pcpu = vcpus.pcpu[vcpu]!;
  pcpus.vcpu[pcpu] = vcpu;
  pcpus.dirty[pcpu] = 1;
  load_ptbase(x, vcpu, true);
  x.root.exit_to_guest(x, vcpu);
  return 0;
}

/** Both tables of a vCPU that has none, or neither. Looks for their owners before anything is audited. */
function set_root_tables(x: Xen, vcpu: number, cr3: number, user: number): Rc {
  const { vcpus } = x;
  const place = "VCPUOP_initialise";
  const busy = user === 0 ? 0 : refuse_held(x, vcpu, user, place);
  let rc = busy !== 0 ? busy : get_root_table(x, vcpu, cr3, place);
  if (rc !== 0) return rc;
  vcpus.guest_table[vcpu] = cr3;
  rc = user === 0 ? 0 : get_root_table(x, vcpu, user, place);
  if (rc !== 0) {
    while (put_old_guest_table(x, vcpu) !== 0); // there is room for one
    vcpus.guest_table[vcpu] = 0;
    leave_root_table(x, vcpu, cr3);
    put_or_defer(x, vcpu, cr3);
    return rc;
  }
  vcpus.guest_table_user[vcpu] = user;
  write_percpu_slots(x, vcpu, cr3);
  if (user !== 0) write_percpu_slots(x, vcpu, user);
  return 0;
}

/**
 * The guest kernel's MOV to CR3, which traps and is emulated. False: #GP(0) goes to the guest, as for a frame that is no
 * L4; the reason goes to the log alone.
 *
 * Mirrors: write_cr(), pv/emul-priv-op.c: new_guest_cr3(), after whose -ERESTART the instruction is executed again.
 * Differs: nothing runs before it is.
 */
export function write_cr3(x: Xen, vcpu: number, mfn: number): boolean {
  const { part } = x.requests;
  let rc: Rc;
  do {
    while (put_old_guest_table(x, vcpu) !== 0);
    rc = new_guest_cr3(x, vcpu, mfn, "write_cr");
    part[vcpu] = rc === MORE ? part[vcpu]! + 1 : 0;
  } while (rc === -ERESTART || rc === MORE);
  return rc === 0;
}

function load_ptbase(x: Xen, vcpu: number, changed: boolean): void {
  x.tlb?.mov_to_cr4(x.vcpus.pcpu[vcpu]!);
  x.root.write_ptbase(x, vcpu, changed);
}

/** From guest-user to guest-kernel mode, or back. */
export function toggle_guest_mode(x: Xen, vcpu: number): void {
  if (!x.pv32) x.ledger.count(vcpu, EV.toggle_guest_mode, 1);
  change_guest_mode(x, vcpu);
}

/** toggle_guest_mode() for who has counted it. */
export function change_guest_mode(x: Xen, vcpu: number): void {
  x.vcpus.kernel_mode[vcpu]! ^= 1;
  if (x.pv32) return; // one L4 for ring 1 and ring 3
  x.tlb?.mov_to_cr3(x.vcpus.pcpu[vcpu]!, 0, false);
  x.root.toggle_guest_mode(x, vcpu);
}

/**
 * The references of an installation, and with them the ownership: one step, so that of two vCPUs that install one L4 at once
 * only one can. Where the rule is off, others can act in between. MORE, or why not.
 */
function claim(x: Xen, vcpu: number, mfn: number, place: Place): Rc {
  let rc: Rc;
  if (x.rules.owner_with_type_ref) rc = get_root_table(x, vcpu, mfn, place);
  else if (x.requests.part[vcpu] === 0) return refuse_held(x, vcpu, mfn, place) || MORE;
  else {
    x.race_window?.("get_root_table", mfn);
    rc = take_root_table(x, vcpu, mfn);
  }
  if (rc !== 0) return rc;
  x.vcpus.claimed[vcpu] = mfn;
  return MORE;
}

/**
 * MMUEXT_NEW_BASEPTR of a 32-bit guest: an update of slot 0 in the L4 that Xen keeps for the vCPU.
 *
 * Mirrors: new_guest_cr3(), setup_compat_l4() (facts/xen.md 6).
 */
function new_compat_cr3(x: Xen, vcpu: number, l3: number): Rc {
  const rc = install_compat(x, vcpu, l3);
  if (rc !== 0) return rc;
  x.ledger.count(vcpu, EV.new_baseptr, 1);
  load_ptbase(x, vcpu, true);
  return 0;
}

const COMPAT_L4E = _PAGE_PRESENT | _PAGE_RW | _PAGE_USER | _PAGE_ACCESSED;

function install_compat(x: Xen, vcpu: number, l3: number): Rc {
  const l4 = x.vcpus.guest_table[vcpu]!;
  const rc = mod_lN_entry(x, vcpu, 4, l4, 0, l3, COMPAT_L4E, false);
  return rc === -EINTR ? -ERESTART : rc;
}
