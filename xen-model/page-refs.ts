/**
 * References that entries of L2, L3 and L4 hold: what a present one takes, and gives back.
 *
 * Mirrors: get_page_from_l2e()..get_page_from_l4e(), put_page_from_l2e()..put_page_from_l4e(), put_pt_page(),
 *          xen/arch/x86/mm.c (facts/xen.md 1.2, 1.3, 1.6).
 */
import { EINVAL, type Rc } from "../abi/errno.js";
import { _PAGE_PRESENT } from "../abi/page.js";
import { hexFrame } from "./audit-log.js";
import { OWNER_guest, PGT_locked, PGT_pae_xen_l2, PGT_validated } from "./frame-table.js";
import { get_linear_pagetable } from "./linear-pagetable.js";
import {
  _put_page_type,
  get_page_and_type_from_mfn,
  PTF_defer,
  PTF_partial_set,
  set_old_guest_table,
} from "./page-type.js";
import type { Xen } from "./xen.js";

/** A PAE L3 entry's: those of an L2 entry, and all of 63:52. Mirrors: COMPAT_L3_DISALLOW_MASK. */
const COMPAT_L3_DISALLOW_MASK = 0xfff198;

/** Flags that no present entry of `level` 2..4 may have. */
export function lNe_disallow_mask(x: Xen, level: number): number {
  return level === 3 && x.pv32 ? COMPAT_L3_DISALLOW_MASK : x.rules.L2_DISALLOW_MASK;
}

/**
 * Take the references of a present entry of `level` 2..4 in `table`: a general one and a type one of the level below,
 * or those of a linear use of the same level.
 *
 * Errors: -EINVAL  disallowed flags, not the guest's frame, or in use as something else; -EINTR, -ERESTART from L3 up; else
 *         what the audit below answers.
 */
export function get_page_from_lNe(
  x: Xen,
  vcpu: number,
  level: number,
  table: number,
  mfn: number,
  entry: number,
  flags: number,
): Rc {
  const bad = entry & lNe_disallow_mask(x, level);
  if (bad !== 0) {
    return x.log.refuse(
      -EINVAL,
      `get_page_from_l${level}e`,
      () => `flags ${hexFrame(bad)}`,
      x.pv32 && level === 3
        ? "PWT, PCD, PSE, G and bits 63:52 are not allowed"
        : "PWT, PCD, PSE and G are not allowed",
    );
  }
  x.count_work();
  const rc = get_page_and_type_from_mfn(x, vcpu, mfn, level - 1, flags);
  if (rc !== -EINVAL || (level === 3 && x.pv32 && x.rules.no_linear_pae_l3)) return rc;
  return get_linear_pagetable(x, level, table, mfn, entry) ? 0 : rc;
}

/**
 * Drop the references of an entry of `level` 2..4 in `table`; with PTF_defer, leave that to put_old_guest_table(). Returns
 * 1 where it holds none.
 *
 * Errors: as _put_page_type().
 */
export function put_page_from_lNe(
  x: Xen,
  vcpu: number,
  table: number,
  mfn: number,
  entry: number,
  flags: number,
): Rc {
  if ((entry & _PAGE_PRESENT) === 0 || mfn === table) return 1;
  if ((flags & PTF_defer) !== 0) {
    set_old_guest_table(x, vcpu, mfn, table, false);
    return 0;
  }
  x.count_work();
  const rc = _put_page_type(x, vcpu, mfn, flags & PTF_partial_set, table);
  if (rc === 0) x.frames.put_page(mfn);
  return rc;
}

/**
 * get_page_from_lNe() of a table below that is in use as one already, which changes its counts alone; false, with nothing changed, for
 * any other. An L4 has some thirty such entries, the kernel's. test/xen-model/page-refs.test.ts holds both pairs equal.
 */
export function get_one_more_use(x: Xen, level: number, mfn: number, entry: number): boolean {
  const { frames } = x;
  if ((entry & lNe_disallow_mask(x, level)) !== 0 || mfn >= frames.nrFrames) return false;
  if (frames.owner[mfn] !== OWNER_guest || frames.type[mfn] !== level - 1) return false;
  if ((frames.typeFlags[mfn]! & (PGT_validated | PGT_pae_xen_l2)) !== PGT_validated) return false;
  x.count_work();
  frames.count[mfn] = frames.count[mfn]! + 1;
  frames.typeCount[mfn] = frames.typeCount[mfn]! + 1;
  return true;
}

/** put_page_from_lNe() of a present entry in `table`, where the table below stays in use; likewise. */
export function put_one_use(x: Xen, table: number, mfn: number): boolean {
  const { frames } = x;
  if (frames.type[mfn] === frames.type[table] || (frames.typeFlags[mfn]! & PGT_locked) !== 0) return false;
  const left = frames.typeCount[mfn]! - 1;
  if (left <= 0) return false;
  x.count_work();
  frames.typeCount[mfn] = left;
  frames.count[mfn] = frames.count[mfn]! - 1;
  return true;
}
