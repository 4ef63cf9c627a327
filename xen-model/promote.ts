/**
 * Audit of a whole table when it comes into use as one: promotion.
 *
 * From L2 up it can be preempted between entries. It then leaves nr_validated_ptes, the entry to go on with, and
 * in partial_flags whether that entry holds a reference already. A failure part way leaves the same, and the table in
 * old_guest_table, from which it is taken down.
 *
 * Mirrors: promote_l1_table()..promote_l4_table(), validate_segdesc_page(), xen/arch/x86/mm.c (facts/xen.md 1.6).
 * Differs: one text for L2 to L4, which differ in where they look for preemption and in Xen's slots. Not watched for
 *          L1TF (pv-l1tf off). Three losses of Xen's are mended: see
 *          stop_promotion(), put_failed_first_entry() and get_pae_slot_3().
 */
import { EINTR, EINVAL, ERANGE, ERESTART, type Rc } from "../abi/errno.js";
import { EV } from "../abi/events.js";
import { _PAGE_PRESENT, PAGE_FLAGS_MASK } from "../abi/page.js";
import { hexFrame } from "./audit-log.js";
import { VMASST_TYPE_pae_extended_cr3 } from "../abi/vm-assist.js";
import { adjust_guest_l1e, adjust_guest_lNe, unadjust_guest_l3e } from "./adjust.js";
import { validate_segdesc_page } from "./descriptor-tables.js";
import {
  PGT_l1_page_table,
  PGT_l2_page_table,
  PGT_pae_xen_l2,
  PGT_seg_desc_page,
  PGT_type_mask,
  TYPE_NAMES,
} from "./frame-table.js";
import { get_page_from_l1e, has_first_refs, put_page_from_l1e, take_first_refs } from "./l1e-refs.js";
import { get_one_more_use, get_page_from_lNe, lNe_disallow_mask } from "./page-refs.js";
import { map_domain_page, unmap_domain_page } from "./mapcache.js";
import {
  _put_page_type,
  get_page_and_type_from_mfn,
  PTF_partial_set,
  PTF_retain_ref_on_restart,
  put_old_guest_table,
  set_old_guest_table,
} from "./page-type.js";
import { is_guest_slot } from "./slots.js";
import type { Xen } from "./xen.js";

/**
 * Audit the contents of `mfn` for `type`.
 *
 * Errors: -EINTR     preempted before anything was taken.
 *         -ERESTART  preempted.
 *         others     the entry that does not pass; what was taken is given back, or the table is in old_guest_table.
 */
export function promote_page(x: Xen, vcpu: number, mfn: number, type: number): Rc {
  const mapped = map_domain_page(x, vcpu, mfn);
  const rc = promote(x, vcpu, mfn, type);
  unmap_domain_page(x, vcpu, mapped);
  if (rc === 0 && x.log.enabled) {
    x.log.note(
      "validate_page",
      `mfn ${hexFrame(mfn)}`,
      `all entries pass for ${TYPE_NAMES[type & PGT_type_mask]}`,
    );
  }
  return rc;
}

function promote(x: Xen, vcpu: number, mfn: number, type: number): Rc {
  switch (type) {
    case PGT_l1_page_table:
      return promote_l1_table(x, vcpu, mfn);
    case PGT_seg_desc_page:
      return validate_segdesc_page(x, mfn) ? 0 : -EINVAL;
    default:
      return promote_upper_table(x, vcpu, mfn, type & PGT_type_mask, (type & PGT_pae_xen_l2) !== 0);
  }
}

/** Cannot be preempted; undoes itself at once. */
function promote_l1_table(x: Xen, vcpu: number, table: number): Rc {
  const { mem, ledger, pv32 } = x;
  const { words, ptes } = mem;
  const first = has_first_refs(x);
  ledger.count(vcpu, EV.promote_l1, 1);
  if (table >= mem.nrTables) return 0;
  let present = 0;
  const start = table * ptes * 2;
  for (let slot = mem.next_used(table, 0); slot < ptes; slot = mem.next_used(table, slot + 1)) {
    const at = start + 2 * slot;
    const high = words[at + 1]!;
    if ((high & _PAGE_PRESENT) === 0) continue;
    const flags = high & PAGE_FLAGS_MASK;
    const nr = first ? take_first_refs(x, table, slot) : 0;
    if (nr > 0) {
      const adjusted = (high & ~PAGE_FLAGS_MASK) | adjust_guest_l1e(flags, pv32);
      for (let i = 0; i < nr; i++) words[at + 2 * i + 1] = adjusted;
      present += nr;
      slot += nr - 1;
      continue;
    }
    present++;
    const rc = get_page_from_l1e(x, vcpu, words[at]! + (high >>> 24) * 2 ** 32, flags);
    if (rc < 0) {
      for (let undo = at - 2; undo >= start; undo -= 2) {
        const done = words[undo + 1]!;
        put_page_from_l1e(x, vcpu, words[undo]! + (done >>> 24) * 2 ** 32, done & PAGE_FLAGS_MASK);
      }
      return rc;
    }
    words[at + 1] = (high & ~PAGE_FLAGS_MASK) | adjust_guest_l1e(flags ^ rc, pv32);
  }
  ledger.count(vcpu, EV.audit_present_l1, present);
  return 0;
}

function promote_upper_table(x: Xen, vcpu: number, table: number, level: number, pae_xen_l2: boolean): Rc {
  const { mem, frames, ledger } = x;
  const { words } = mem;
  const start = mem.at(table, 0);
  const end = table < mem.nrTables ? mem.ptes : 0;
  const looks = level !== 4 && x.is_preemptible; // an L4 is preempted inside its L3s only
  const first = frames.nr_validated_ptes[table]!;
  let partial_flags = frames.partial_flags[table]!;
  const retain = level === 2 ? 0 : PTF_retain_ref_on_restart;
  const pae_l3 = level === 3 && x.pv32;
  if (pae_l3 && is_l3_too_high(x, table)) return -ERANGE;
  if (first === 0 && partial_flags === 0) ledger.count(vcpu, PROMOTED[level]!, 1);
  if (pae_l3) for (let slot = 4; slot < mem.ptes; slot++) mem.set(table, slot, 0, 0); // visible to the MMU
  let rc: Rc = 0;
  let present = 0;
  let slot = first;
  for (; slot < end; slot++, partial_flags = 0) {
    if (looks && slot > first && x.hypercall_preempt_check()) {
      rc = -EINTR;
      break;
    }
    if (!looks && !pae_l3) {
      const used = mem.next_used(table, slot); // what is empty needs no look
      if (used > slot) partial_flags = 0;
      slot = used;
      if (slot >= end) break;
    }
    const last = pae_l3 && slot === 3;
    const flags = words[start + 2 * slot + 1]! & PAGE_FLAGS_MASK;
    if ((flags & _PAGE_PRESENT) === 0 && !last) continue;
    if (!is_guest_slot(x, level, slot, pae_xen_l2)) continue;
    present++;
    const mfn = mem.frame(table, slot);
    if (last) rc = get_pae_slot_3(x, vcpu, mfn, flags, partial_flags);
    else if (partial_flags !== 0 || !get_one_more_use(x, level, mfn, flags))
      rc = get_page_from_lNe(x, vcpu, level, table, mfn, flags, partial_flags | retain);
    if (rc !== 0) break;
    mem.set_flags(table, slot, adjust_guest_lNe(level, flags, x.pv32));
    if (last) break;
  }
  ledger.count(vcpu, AUDITED[level]!, present);
  if (rc === 0) {
    if (level === 4) x.tables.init_xen_l4_slots(table);
    else if (pae_xen_l2) x.tables.init_xen_pae_l2_slots(table);
    return 0;
  }
  return stop_promotion(x, vcpu, table, slot, partial_flags, rc);
}

/**
 * Is the L3 where a PAE guest's 32-bit CR3 does not reach? The guest may say that it knows better.
 *
 * Mirrors: promote_l3_table() in master; 4.17 does not look (facts/xen.md 1.12).
 */
function is_l3_too_high(x: Xen, l3: number): boolean {
  if (x.config.version === "4.17" || l3 < (x.config.framesBelow4GiB ?? FRAMES_BELOW_4GIB)) return false;
  if (x.vm_assist(VMASST_TYPE_pae_extended_cr3) || x.vcpus.up[0] === 0) return false;
  x.log.refuse(
    -ERANGE,
    "promote_l3_table",
    () => `l3 mfn ${hexFrame(l3)}`,
    "a PAE L3 is below 4 GiB; switch pae_extended_cr3 on",
  );
  return true;
}

const FRAMES_BELOW_4GIB = 2 ** 20;

/**
 * Preempted, or failed, at `slot`: leave the table so that it can be gone on with, or taken down.
 *
 * Where the table below failed too, and is in old_guest_table, its general reference becomes that of this entry. It may be
 * one further below: the one between failed in its entry 0, and kept nothing.
 * Differs: that is lost in Xen, partial for ever (a debug build asserts); here it is taken down at once.
 */
function stop_promotion(
  x: Xen,
  vcpu: number,
  table: number,
  slot: number,
  partial_flags: number,
  rc: Rc,
): Rc {
  const { frames, vcpus } = x;
  const set = x.rules.partial_set ? PTF_partial_set : 0;
  if (rc === -ERESTART) {
    frames.nr_validated_ptes[table] = slot;
    frames.partial_flags[table] = set;
    return -ERESTART;
  }
  if (slot === 0) {
    if (partial_flags !== 0 && rc !== -EINTR) put_failed_first_entry(x, vcpu, x.mem.frame(table, 0));
    return rc;
  }
  frames.nr_validated_ptes[table] = slot;
  frames.partial_flags[table] = partial_flags;
  if (rc === -EINTR) return -ERESTART;
  const old = vcpus.old_guest_table[vcpu]!;
  if (old !== 0 && old === x.mem.frame(table, slot)) frames.partial_flags[table] = set;
  else if (old !== 0) while (put_old_guest_table(x, vcpu) !== 0);
  set_old_guest_table(x, vcpu, table, -1, true);
  if (x.pv32 && frames.type[table] === 3) {
    for (let i = 0; i < slot; i++) x.mem.set_flags(table, i, unadjust_guest_l3e(x.mem.flags(table, i), true));
  }
  return rc;
}

/**
 * The audit failed in entry 0 after it had been preempted there: the entry's general reference is old_guest_table's, or
 * nobody's. Differs: Xen leaks it in the second case (an L3 below an L4 that fails in its own entry 0).
 */
function put_failed_first_entry(x: Xen, vcpu: number, mfn: number): void {
  if (x.vcpus.old_guest_table[vcpu] !== mfn) x.frames.put_page(mfn);
}

/**
 * Slot 3 of a PAE L3: an L2 with entries of Xen's, which no other entry may share.
 *
 * Errors: -EINVAL  absent, bad flags, or shared.
 * Mirrors: promote_l3_table(), pae_xen_mappings_check() (facts/xen.md 6).
 * Differs: Xen keeps the references of an L2 that it finds to be shared, for ever; they are given back here.
 */
function get_pae_slot_3(x: Xen, vcpu: number, mfn: number, entry: number, flags: number): Rc {
  if ((entry & _PAGE_PRESENT) === 0 || (entry & lNe_disallow_mask(x, 3)) !== 0) {
    return x.log.refuse(
      -EINVAL,
      "promote_l3_table",
      () => "slot 3",
      "it is to map an L2, without further flags",
    );
  }
  const rc = get_page_and_type_from_mfn(
    x,
    vcpu,
    mfn,
    PGT_l2_page_table | PGT_pae_xen_l2,
    flags | PTF_retain_ref_on_restart,
  );
  if (rc !== 0 || x.frames.typeCount[mfn] === 1) return rc;
  _put_page_type(x, vcpu, mfn, 0, -1); // not the last
  if ((flags & PTF_partial_set) === 0) x.frames.put_page(mfn);
  return x.log.refuse(
    -EINVAL,
    "pae_xen_mappings_check",
    () => "slot 3",
    "its L2 is shared; use one of its own",
  );
}

const PROMOTED = [-1, EV.promote_l1, EV.promote_l2, EV.promote_l3, EV.promote_l4];
const AUDITED = [-1, EV.audit_present_l1, EV.audit_present_l2, EV.audit_present_l3, EV.audit_present_l4];
