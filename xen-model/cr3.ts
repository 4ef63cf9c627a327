/**
 * Loading a guest's tables: base pointers, modes, and the audit of who else has an L4 installed.
 *
 * Mirrors: new_guest_cr3() (pv/mm.c), MMUEXT_NEW_USER_BASEPTR (mm.c), toggle_guest_mode() (pv/domain.c),
 *          arch_set_info_guest() (domain.c); facts/xen.md 1.7, 2.
 */
import { EBUSY, EINVAL, type Rc } from "../abi/errno.js";
import { EV } from "../abi/events.js";
import { hexFrame } from "./audit-log.js";
import { PGT_root_page_table } from "./frame-table.js";
import { get_page_and_type_from_mfn, put_page_and_type } from "./page-type.js";
import type { Xen } from "./xen.js";

/**
 * MMUEXT_NEW_BASEPTR.
 *
 * Errors: -EBUSY under exclusive audit, another vCPU has it installed; else what the audit of the L4 answers.
 */
export function new_guest_cr3(x: Xen, vcpu: number, mfn: number): Rc {
  const { vcpus, ledger } = x;
  const old = vcpus.guest_table[vcpu]!;
  if (old === mfn) {
    ledger.count(vcpu, EV.new_baseptr_same, 1);
    x.root.write_ptbase(x, vcpu, false);
    return 0;
  }
  const rc = install(x, vcpu, mfn);
  if (rc !== 0) return rc;
  ledger.count(vcpu, EV.new_baseptr, 1);
  x.fill_ro_mpt(mfn);
  vcpus.guest_table[vcpu] = mfn;
  x.root.write_ptbase(x, vcpu, true);
  put_page_and_type(x, vcpu, old);
  return 0;
}

/** MMUEXT_NEW_USER_BASEPTR; mfn 0 removes it. No CR3 write: the caller runs in kernel mode. Errors: as above. */
export function new_user_baseptr(x: Xen, vcpu: number, mfn: number): Rc {
  const { vcpus, ledger } = x;
  const old = vcpus.guest_table_user[vcpu]!;
  if (old === mfn) {
    ledger.count(vcpu, EV.new_user_baseptr, 1);
    return 0;
  }
  if (mfn !== 0) {
    const rc = install(x, vcpu, mfn);
    if (rc !== 0) return rc;
  }
  ledger.count(vcpu, EV.new_user_baseptr, 1);
  vcpus.guest_table_user[vcpu] = mfn;
  if (old !== 0) put_page_and_type(x, vcpu, old);
  return 0;
}

/** VCPUOP_initialise: `cr3` becomes the vCPU's kernel table, in kernel mode. Errors: as above. */
export function arch_set_info_guest(x: Xen, vcpu: number, cr3: number): Rc {
  const { vcpus, pcpus } = x;
  if (vcpus.up[vcpu] !== 0) return -EINVAL;
  const rc = install(x, vcpu, cr3);
  if (rc !== 0) return rc;
  const old = [vcpus.guest_table[vcpu]!, vcpus.guest_table_user[vcpu]!];
  vcpus.guest_table[vcpu] = cr3;
  vcpus.guest_table_user[vcpu] = 0;
  for (const mfn of old) if (mfn !== 0) put_page_and_type(x, vcpu, mfn);
  vcpus.kernel_mode[vcpu] = 1;
  vcpus.up[vcpu] = 1;
  vcpus.blocked[vcpu] = 0;
  x.fill_ro_mpt(cr3);
  const pcpu = vcpus.pcpu[vcpu]!;
  pcpus.vcpu[pcpu] = vcpu;
  pcpus.dirty[pcpu] = 1;
  x.root.write_ptbase(x, vcpu, true);
  x.root.exit_to_guest(x, vcpu);
  return 0;
}

/** From guest-user to guest-kernel mode, or back. */
export function toggle_guest_mode(x: Xen, vcpu: number): void {
  x.vcpus.kernel_mode[vcpu]! ^= 1;
  x.ledger.count(vcpu, EV.toggle_guest_mode, 1);
  x.root.toggle_guest_mode(x, vcpu);
}

/** The references of an installation, and with them the check that the vCPU is the only one to have it. */
function install(x: Xen, vcpu: number, mfn: number): Rc {
  if (x.exclusive !== "off") {
    x.ledger.count(vcpu, EV.audit_exclusive, 1);
    const holder = x.other_holder(vcpu, mfn);
    if (holder >= 0) {
      x.ledger.count(vcpu, EV.audit_refused, 1);
      x.note_refusal(vcpu, mfn, holder);
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
  return get_page_and_type_from_mfn(x, vcpu, mfn, PGT_root_page_table);
}
