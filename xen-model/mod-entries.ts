/**
 * Writing one entry of a table that is in use: take the new entry's references, write, drop the old one's.
 *
 * Mirrors: mod_l1_entry()..mod_l4_entry(), UPDATE_ENTRY(), xen/arch/x86/mm.c, pv/mm.h (facts/xen.md 1.8).
 * Differs: the compare-and-exchange cannot lose, so never -EBUSY or -EFAULT from it. Not watched for L1TF (pv-l1tf off).
 */
import { EINVAL, EPERM, type Rc } from "../abi/errno.js";
import { EV } from "../abi/events.js";
import { _PAGE_ACCESSED, _PAGE_DIRTY, _PAGE_PRESENT } from "../abi/page.js";
import { adjust_guest_l1e, adjust_guest_lNe } from "./adjust.js";
import { hexFrame } from "./audit-log.js";
import { PGT_pae_xen_l2 } from "./frame-table.js";
import { get_page_from_l1e, l1_disallow_mask, put_page_from_l1e, refuse_l1_flags } from "./l1e-refs.js";
import { get_page_from_lNe, lNe_disallow_mask, put_page_from_lNe } from "./page-refs.js";
import { PTF_defer } from "./page-type.js";
import { is_guest_slot } from "./slots.js";
import type { Xen } from "./xen.js";

const FAST = "only harmless flags change, so there is no new audit";

const AD = _PAGE_ACCESSED | _PAGE_DIRTY;

/**
 * Write entry `slot` of L1 `table`.
 *
 * Errors: -EINVAL  disallowed flags, or no frame at all; else as get_page_from_l1e().
 */
export function mod_l1_entry(
  x: Xen,
  vcpu: number,
  table: number,
  slot: number,
  frame: number,
  flags: number,
  preserve_ad: boolean,
): Rc {
  const { mem, ledger } = x;
  const oldFrame = mem.frame(table, slot);
  const oldFlags = mem.flags(table, slot);
  const kept = preserve_ad ? oldFlags & AD : 0;
  let value = flags;
  if ((flags & _PAGE_PRESENT) !== 0) {
    const bad = flags & l1_disallow_mask(x);
    if (bad !== 0) return refuse_l1_flags(x, "mod_l1_entry", bad);
    value = adjust_guest_l1e(flags, x.pv32);
    if (oldFrame === frame && ((oldFlags ^ value) & ~x.rules.FASTPATH_FLAG_WHITELIST) === 0) {
      if (x.log.enabled) x.log.note("mod_l1_entry", `l1 mfn ${hexFrame(table)} slot ${slot}`, FAST);
      mem.set_flags(table, slot, value | kept);
      ledger.count(vcpu, EV.l1e_fast, 1);
      return 0;
    }
    const rc = get_page_from_l1e(x, vcpu, frame, value);
    if (rc < 0) return rc;
    value ^= rc;
    ledger.count(vcpu, (oldFlags & _PAGE_PRESENT) !== 0 ? EV.l1e_changed : EV.l1e_set, 1);
  } else ledger.count(vcpu, (oldFlags & _PAGE_PRESENT) !== 0 ? EV.l1e_cleared : EV.raw_pte_write, 1);
  mem.set(table, slot, frame, value | kept);
  put_page_from_l1e(x, vcpu, oldFrame, oldFlags);
  return 0;
}

const SET = [-1, -1, EV.l2e_set, EV.l3e_set, EV.l4e_set];
const CLEARED = [-1, -1, EV.l2e_cleared, EV.l3e_cleared, EV.l4e_cleared];
const CHANGED = [-1, -1, EV.l2e_changed, EV.l3e_changed, EV.l4e_changed];

/**
 * Write entry `slot` of `table`, of `level` 2..4. A dropped table goes to old_guest_table, and so ends the hypercall for
 * now.
 *
 * Errors: -EPERM   a slot of Xen's in an L2.
 *         -EINVAL  disallowed flags, a slot of Xen's, or not the guest's frame; else as get_page_from_lNe().
 */
export function mod_lN_entry(
  x: Xen,
  vcpu: number,
  level: number,
  table: number,
  slot: number,
  frame: number,
  flags: number,
  preserve_ad: boolean,
): Rc {
  const { mem, ledger } = x;
  const refused = refuse_slot(x, level, table, slot);
  if (refused !== 0) return refused;
  const oldFrame = mem.frame(table, slot);
  const oldFlags = mem.flags(table, slot);
  const kept = preserve_ad ? oldFlags & AD : 0;
  const wasPresent = (oldFlags & _PAGE_PRESENT) !== 0;
  let value = flags;
  if ((flags & _PAGE_PRESENT) !== 0) {
    const bad = flags & lNe_disallow_mask(x, level);
    if (bad !== 0) {
      return x.log.refuse(
        -EINVAL,
        `mod_l${level}_entry`,
        () => `flags ${hexFrame(bad)}`,
        "PWT, PCD, PSE and G are not allowed",
      );
    }
    if (x.rules.adjust_entries) value = adjust_guest_lNe(level, flags, x.pv32);
    const sameFrame = oldFrame === frame || !x.rules.fastpath_keeps_frame;
    if (sameFrame && ((oldFlags ^ value) & ~x.rules.FASTPATH_PDE_FLAG_WHITELIST) === 0) {
      if (x.log.enabled)
        x.log.note(`mod_l${level}_entry`, `l${level} mfn ${hexFrame(table)} slot ${slot}`, FAST);
      mem.set(table, slot, frame, value | kept);
      ledger.count(vcpu, CHANGED[level]!, 1);
      return 0;
    }
    const rc = get_page_from_lNe(x, vcpu, level, table, frame, value, 0);
    if (rc !== 0) return rc;
    ledger.count(vcpu, wasPresent ? CHANGED[level]! : SET[level]!, 1);
  } else if (wasPresent) ledger.count(vcpu, CLEARED[level]!, 1);
  mem.set(table, slot, frame, value | kept);
  put_page_from_lNe(x, vcpu, table, oldFrame, oldFlags, PTF_defer);
  return 0;
}

/** Slots that no update may write to. */
function refuse_slot(x: Xen, level: number, table: number, slot: number): Rc {
  if (level === 3) {
    if (!x.pv32 || slot < 3) return 0;
    return x.log.refuse(
      -EINVAL,
      "mod_l3_entry",
      () => `l3 mfn ${hexFrame(table)} slot ${slot}`,
      "slot 3 has Xen's mappings below it, and stays; build another L3",
    );
  }
  const pae_xen_l2 = level === 2 && (x.frames.typeFlags[table]! & PGT_pae_xen_l2) !== 0;
  if (is_guest_slot(x, level, slot, pae_xen_l2) || !x.rules.xen_slots_are_closed) return 0;
  return x.log.refuse(
    level === 2 ? -EPERM : -EINVAL,
    `mod_l${level}_entry`,
    () => `l${level} mfn ${hexFrame(table)} slot ${slot}`,
    level === 2 ? "slots from 428 are Xen's in this L2" : "slots 256..271 belong to Xen; use a guest slot",
  );
}
