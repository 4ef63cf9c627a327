/**
 * Loading a guest's tables: base pointers, modes, and the audit of who else has an L4 installed.
 *
 * Mirrors: new_guest_cr3() (pv/mm.c), MMUEXT_NEW_USER_BASEPTR (mm.c), toggle_guest_mode() (pv/domain.c),
 *          arch_set_info_guest() (domain.c); facts/xen.md 1.7, 2.
 */
import { EBUSY, EINTR, EINVAL, ERESTART, type Rc } from "../abi/errno.js";
import { EV } from "../abi/events.js";
import { hexFrame } from "./audit-log.js";
import { _PAGE_ACCESSED, _PAGE_PRESENT, _PAGE_RW, _PAGE_USER } from "../abi/page.js";
import { PGT_root_page_table } from "./frame-table.js";
import { mod_lN_entry } from "./mod-entries.js";
import { get_page_and_type_from_mfn, put_old_guest_table, put_or_defer } from "./page-type.js";
import type { Xen } from "./xen.js";

/**
 * MMUEXT_NEW_BASEPTR. Where taking down the old L4 is preempted, the new one is loaded already, and a restart finds
 * that nothing else is left.
 *
 * Errors: -EBUSY  under exclusive audit, another vCPU has it installed; -ERESTART; else what the audit of the L4 answers.
 */
export function new_guest_cr3(x: Xen, vcpu: number, mfn: number): Rc {
  const { vcpus, ledger } = x;
  if (x.pv32) return new_compat_cr3(x, vcpu, mfn);
  const old = vcpus.guest_table[vcpu]!;
  if (old === mfn) {
    ledger.count(vcpu, EV.new_baseptr_same, 1);
    load_ptbase(x, vcpu, false);
    return 0;
  }
  const rc = install(x, vcpu, mfn);
  if (rc !== 0) return rc;
  ledger.count(vcpu, EV.new_baseptr, 1);
  x.tables.fill_ro_mpt(mfn);
  vcpus.guest_table[vcpu] = mfn;
  load_ptbase(x, vcpu, true);
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
  if (mfn !== 0 && x.rules.user_table_is_audited) {
    const rc = install(x, vcpu, mfn);
    if (rc !== 0) return rc;
  }
  ledger.count(vcpu, EV.new_user_baseptr, 1);
  vcpus.guest_table_user[vcpu] = mfn;
  return old === 0 ? 0 : put_or_defer(x, vcpu, old);
}

/**
 * VCPUOP_initialise: `cr3` becomes the vCPU's kernel table, in kernel mode.
 *
 * Errors: as above.
 * Differs: its continuations run at once, and nothing between them.
 */
export function arch_set_info_guest(x: Xen, vcpu: number, cr3: number): Rc {
  const { vcpus, pcpus } = x;
  if (vcpus.up[vcpu] !== 0) return -EINVAL;
  let rc: Rc;
  do rc = x.pv32 ? install_compat(x, vcpu, cr3) : install(x, vcpu, cr3);
  while (rc === -ERESTART);
  if (rc !== 0) return rc;
  if (x.pv32) while (put_old_guest_table(x, vcpu) !== 0);
  else {
    vcpu_destroy_pagetables(x, vcpu);
    vcpus.guest_table[vcpu] = cr3;
    x.tables.fill_ro_mpt(cr3);
  }
  vcpus.kernel_mode[vcpu] = 1;
  vcpus.up[vcpu] = 1;
  vcpus.blocked[vcpu] = 0;
  const pcpu = vcpus.pcpu[vcpu]!;
  pcpus.vcpu[pcpu] = vcpu;
  pcpus.dirty[pcpu] = 1;
  load_ptbase(x, vcpu, true);
  x.root.exit_to_guest(x, vcpu);
  return 0;
}

/** Drop what the vCPU has installed, and what it still had to take down. */
export function vcpu_destroy_pagetables(x: Xen, vcpu: number): void {
  const { vcpus } = x;
  for (const table of [vcpus.guest_table, vcpus.guest_table_user]) {
    while (put_old_guest_table(x, vcpu) !== 0);
    const mfn = table[vcpu]!;
    table[vcpu] = 0;
    if (mfn !== 0) put_or_defer(x, vcpu, mfn);
  }
  while (put_old_guest_table(x, vcpu) !== 0);
}

function load_ptbase(x: Xen, vcpu: number, changed: boolean): void {
  x.tlb?.mov_to_cr4(x.vcpus.pcpu[vcpu]!);
  x.root.write_ptbase(x, vcpu, changed);
}

/** From guest-user to guest-kernel mode, or back. */
export function toggle_guest_mode(x: Xen, vcpu: number): void {
  x.vcpus.kernel_mode[vcpu]! ^= 1;
  x.ledger.count(vcpu, EV.toggle_guest_mode, 1);
  x.tlb?.mov_to_cr3(x.vcpus.pcpu[vcpu]!, 0, false);
  x.root.toggle_guest_mode(x, vcpu);
}

/** The references of an installation, and with them the check that the vCPU is the only one to have it. */
function install(x: Xen, vcpu: number, mfn: number): Rc {
  if (x.exclusive !== "off") {
    x.ledger.count(vcpu, EV.audit_exclusive, 1);
    const holder = x.other_holder(vcpu, mfn);
    if (holder >= 0) {
      x.ledger.count(vcpu, EV.audit_refused, 1);
      x.observed.note_refusal(vcpu, mfn, holder);
      if (x.exclusive === "enforce") {
        return x.log.refuse(
          -EBUSY,
          "new_guest_cr3",
          () => `vcpu ${vcpu}: l4 mfn ${hexFrame(mfn)}`,
          `vcpu ${holder} has it installed; load another L4, or take it off there first`,
        );
      }
    }
  }
  const rc = get_page_and_type_from_mfn(x, vcpu, mfn, PGT_root_page_table, 0);
  return rc === -EINTR ? -ERESTART : rc;
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
