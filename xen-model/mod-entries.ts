/**
 * Writing one entry of a table that is in use: take the new entry's references, write, drop the old one's.
 *
 * Mirrors: mod_l1_entry()..mod_l4_entry(), FASTPATH_FLAG_WHITELIST, UPDATE_ENTRY(), xen/arch/x86/mm.c (facts/xen.md 1.8).
 * Differs: the compare-and-exchange cannot lose, so never -EBUSY from it. Not watched for L1TF (pv-l1tf off).
 */
import { EINVAL, type Rc } from "../abi/errno.js";
import { EV } from "../abi/events.js";
import { is_guest_l4_slot } from "../abi/layout.js";
import {
  _PAGE_ACCESSED,
  _PAGE_AVAIL,
  _PAGE_AVAIL_HIGH,
  _PAGE_DIRTY,
  _PAGE_GLOBAL,
  _PAGE_NX,
  _PAGE_PRESENT,
  _PAGE_USER,
} from "../abi/page.js";
import { adjust_guest_l1e, adjust_guest_lNe } from "./adjust.js";
import { hexFrame } from "./audit-log.js";
import {
  get_page_from_l1e,
  get_page_from_lNe,
  L2_DISALLOW_MASK,
  l1_disallow_mask,
  put_page_from_l1e,
  put_page_from_lNe,
} from "./page-refs.js";
import type { Xen } from "./xen.js";

/**
 * Flags that may change without a new audit. RW and cacheability are not among them (XSA-182); RW would be at
 * L2 and above if linear tables were compiled out.
 */
export const FASTPATH_FLAG_WHITELIST =
  _PAGE_NX | _PAGE_AVAIL_HIGH | _PAGE_AVAIL | _PAGE_GLOBAL | _PAGE_DIRTY | _PAGE_ACCESSED | _PAGE_USER;

const AD = _PAGE_ACCESSED | _PAGE_DIRTY;

/** Is the change, from a present entry, one that needs no audit? */
function is_fast(x: Xen, table: number, slot: number, frame: number, flags: number): boolean {
  const old = x.mem.flags(table, slot);
  return ((old ^ flags) & ~FASTPATH_FLAG_WHITELIST) === 0 && x.mem.frame(table, slot) === frame;
}

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
  let value = flags;
  if ((flags & _PAGE_PRESENT) !== 0) {
    if ((flags & l1_disallow_mask(x)) !== 0) {
      return x.log.refuse(
        -EINVAL,
        "mod_l1_entry",
        () => `flags ${hexFrame(flags)}`,
        "PWT, PCD and PAT are for guests with devices",
      );
    }
    if (is_fast(x, table, slot, frame, flags)) {
      mem.set_flags(table, slot, adjust_guest_l1e(flags) | (preserve_ad ? oldFlags & AD : 0));
      ledger.count(vcpu, EV.l1e_fast, 1);
      return 0;
    }
    const rc = get_page_from_l1e(x, vcpu, frame, flags);
    if (rc < 0) return rc;
    value = adjust_guest_l1e(flags ^ rc);
    ledger.count(vcpu, (oldFlags & _PAGE_PRESENT) !== 0 ? EV.l1e_changed : EV.l1e_set, 1);
  } else ledger.count(vcpu, (oldFlags & _PAGE_PRESENT) !== 0 ? EV.l1e_cleared : EV.raw_pte_write, 1);
  mem.set(table, slot, frame, value | (preserve_ad ? oldFlags & AD : 0));
  put_page_from_l1e(x, vcpu, oldFrame, oldFlags);
  return 0;
}

const SET = [-1, -1, EV.l2e_set, EV.l3e_set, EV.l4e_set];
const CLEARED = [-1, -1, EV.l2e_cleared, EV.l3e_cleared, EV.l4e_cleared];
const CHANGED = [-1, -1, EV.l2e_changed, EV.l3e_changed, EV.l4e_changed];

/**
 * Write entry `slot` of `table`, of `level` 2..4. A dropped table is taken down in a continuation of the hypercall.
 *
 * Errors: -EINVAL  disallowed flags, a slot of Xen's, or not the guest's frame; else what the audit below answers.
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
  if (level === 4 && !is_guest_l4_slot(slot)) {
    return x.log.refuse(
      -EINVAL,
      "mod_l4_entry",
      () => `l4 mfn ${hexFrame(table)} slot ${slot}`,
      "slots 256..271 belong to Xen; use a guest slot",
    );
  }
  const oldFrame = mem.frame(table, slot);
  const oldFlags = mem.flags(table, slot);
  const wasPresent = (oldFlags & _PAGE_PRESENT) !== 0;
  let value = flags;
  if ((flags & _PAGE_PRESENT) !== 0) {
    if ((flags & L2_DISALLOW_MASK) !== 0) {
      return x.log.refuse(
        -EINVAL,
        `mod_l${level}_entry`,
        () => `flags ${hexFrame(flags)}`,
        "PWT, PCD, PSE and G are not allowed",
      );
    }
    if (is_fast(x, table, slot, frame, flags)) {
      mem.set_flags(table, slot, adjust_guest_lNe(level, flags) | (preserve_ad ? oldFlags & AD : 0));
      ledger.count(vcpu, CHANGED[level]!, 1);
      return 0;
    }
    const rc = get_page_from_lNe(x, vcpu, level, table, frame, flags);
    if (rc !== 0) return rc;
    value = adjust_guest_lNe(level, flags);
    ledger.count(vcpu, wasPresent ? CHANGED[level]! : SET[level]!, 1);
  }
  mem.set(table, slot, frame, value | (preserve_ad ? oldFlags & AD : 0));
  if (wasPresent) {
    if ((flags & _PAGE_PRESENT) === 0) ledger.count(vcpu, CLEARED[level]!, 1);
    ledger.count(vcpu, EV.continuation, 1);
    x.restarted = true;
    put_page_from_lNe(x, vcpu, table, oldFrame, oldFlags);
  }
  return 0;
}
