/**
 * What Xen maps to walk an HVM guest's pagetables, as it does when it emulates an instruction.
 *
 * At each of four levels the guest's table is mapped; the guest's address of it is translated by EPT first, whose four
 * tables are mapped too, unless EPT pages stay mapped: 20 mappings, or 4.
 *
 * Mirrors: guest_walk_tables(), xen/arch/x86/mm/guest_walk.c; ept_get_entry(), mm/p2m-ept.c (facts/xen.md 5.3).
 * Differs: all tables are there, and the guest's page sizes and the final translation are left out.
 */
import type { LayoutOptions } from "../abi/proposal.js";
import { touch_domain_page } from "./mapcache.js";
import type { Xen } from "./xen.js";

const LEVELS = 4;

/** Frames that one walk needs: the guest's tables from the top, and those of EPT for each. */
export interface HvmTables {
  readonly guest: readonly number[];
  readonly ept: readonly (readonly number[])[];
}

/** Walk once, mapping through the mapcache of `x` what `layout` does not keep mapped. */
export function guest_walk_tables(
  x: Xen,
  vcpu: number,
  { guest, ept }: HvmTables,
  { directmap, ept: kept }: Pick<LayoutOptions, "directmap" | "ept">,
): void {
  if (directmap) return;
  for (let level = LEVELS - 1; level >= 0; level--) {
    if (kept === "demand") for (const table of ept[level]!) touch_domain_page(x, vcpu, table);
    touch_domain_page(x, vcpu, guest[level]!);
  }
}
