/**
 * Linear (recursive) pagetables: an entry that points to a table of its own level.
 *
 * A table either has linear entries or is used by some, so that no chain arises: linear_pt_count is above zero in
 * the first case and below in the second (XSA-240).
 *
 * Mirrors: define_get_linear_pagetable(), inc_linear_entries(), inc_linear_uses(), xen/arch/x86/mm.c (facts/xen.md 1.6).
 * Differs: linear tables are compiled in and not switched off; all tables have one owner. Under an exclusive audit no L4
 *          may be used linearly, by itself or another, as its per-pCPU slots could be reached one level down.
 */
import { EINVAL } from "../abi/errno.js";
import { _PAGE_RW } from "../abi/page.js";
import { hexFrame } from "./audit-log.js";
import { PGT_validated } from "./frame-table.js";
import type { Xen } from "./xen.js";

const MAX_LINEAR = 32767;

/** Try the linear use of `mfn` by an entry with `flags` in `table`, both of `level`. Takes the references, if it may. */
export function get_linear_pagetable(
  x: Xen,
  level: number,
  table: number,
  mfn: number,
  flags: number,
): boolean {
  const { frames } = x;
  const { linear_pt_count } = frames;
  if ((flags & _PAGE_RW) !== 0) return false;
  if (level === 4 && x.exclusive !== "off" && x.rules.no_linear_exclusive_l4) {
    x.log.refuse(
      -EINVAL,
      "get_l4_linear_pagetable",
      () => `l4 mfn ${hexFrame(table)} to mfn ${hexFrame(mfn)}`,
      "under an exclusive audit no L4 is used linearly: map its L3s instead",
    );
    return false;
  }
  if (mfn === table) return true; // a table may map itself, and holds no reference to itself
  if (!frames.get_page_from_mfn(mfn)) return false;
  const chain = linear_pt_count[table]! < 0 || linear_pt_count[mfn]! > 0;
  if (
    (chain && x.rules.one_linear_level) ||
    linear_pt_count[table]! >= MAX_LINEAR ||
    linear_pt_count[mfn]! <= -MAX_LINEAR ||
    frames.type[mfn] !== level ||
    (frames.typeFlags[mfn]! & PGT_validated) === 0
  ) {
    frames.put_page(mfn);
    return false;
  }
  if (x.log.enabled) {
    x.log.note(
      `get_l${level}_linear_pagetable`,
      `l${level} mfn ${hexFrame(table)} to mfn ${hexFrame(mfn)}`,
      "read-only, of a validated table of the same level, and no chain: a linear use",
    );
  }
  linear_pt_count[table]!++;
  linear_pt_count[mfn]!--;
  frames.typeCount[mfn]!++;
  return true;
}
