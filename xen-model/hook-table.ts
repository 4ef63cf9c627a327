/**
 * A new table comes into use, in one piece: made read-only, an L1 pinned too, and hooked into the pinned table above it. A program's
 * address space grows by these.
 *
 * The plain forms are Xen.multicall() and Xen.hypercall(). What is not plainly these is left to them, with nothing changed;
 * test/xen-model/hook-table.test.ts holds the two equal, in every byte of the state. As the table is cleared here, its audit finds
 * nothing.
 *
 * Mirrors: do_update_va_mapping(), do_mmuext_op(), do_mmu_update(), xen/arch/x86/mm.c.
 */
import { mfn, type Vpn } from "../abi/frames.js";
import { Tally } from "../abi/ledger.js";
import { _PAGE_PRESENT, _PAGE_RW, PAGE_FRAME_HI_MASK } from "../abi/page.js";
import { adjust_guest_l1e, adjust_guest_lNe } from "./adjust.js";
import { add_pt_update, flush_after_pt_update, flush_type_change, stamp } from "./flush.js";
import { PGT_pinned, PGT_validated } from "./frame-table.js";
import { NO_ENTRY } from "./hw/walk.js";
import { L1_DISALLOWED } from "./l1e-refs.js";
import { lNe_disallow_mask } from "./page-refs.js";
import { exit_to_guest } from "./refill.js";
import { is_audited } from "./update-l4e.js";
import type { Xen } from "./xen.js";

const HOOKED_L1 = Tally.of({
  multicall: 1,
  mc_update_va_mapping: 1,
  l1e_changed: 1,
  mc_mmuext_op: 1,
  mmuext_op_items: 1,
  promote_l1: 1,
  table_pinned: 1,
  mmu_update: 1,
  mmu_update_items: 1,
  l2e_set: 1,
  sysret: 2,
});
const HOOKED_L2 = Tally.of({
  update_va_mapping: 1,
  l1e_changed: 1,
  mmu_update: 1,
  mmu_update_items: 1,
  promote_l2: 1,
  l3e_set: 1,
  sysret: 2,
});

/** See Hypervisor.hook_new_table(). */
export function hook_new_table(
  x: Xen,
  vcpu: number,
  level: 1 | 2,
  table: number,
  at: Vpn,
  readOnly: number,
  upper: number,
  slot: number,
  flags: number,
): boolean {
  const { mem, root } = x;
  const { words } = mem;
  if (!is_plain_caller(x, vcpu)) return false;
  if (!is_audited(x, upper, level + 1) || (words[mem.at(upper, slot) + 1]! & _PAGE_PRESENT) !== 0)
    return false;
  if ((flags & (_PAGE_PRESENT | lNe_disallow_mask(x, level + 1))) !== _PAGE_PRESENT) return false;
  if ((readOnly & (_PAGE_PRESENT | _PAGE_RW | L1_DISALLOWED)) !== _PAGE_PRESENT) return false;
  const l1e = only_writable_mapping(x, vcpu, at, table);
  if (l1e === NO_ENTRY) return false;

  mem.clear_page(mfn(table));
  x.ledger.countAll(vcpu, level === 1 ? HOOKED_L1 : HOOKED_L2);
  root.enter_from_guest(x, vcpu);
  words[l1e + 1] = adjust_guest_l1e(readOnly, false);
  stamp(x, table); // its one use as data was that mapping's
  if (level === 1) begin_use(x, vcpu, table, level);
  exit_to_guest(x, vcpu);
  root.enter_from_guest(x, vcpu);
  if (level === 2) begin_use(x, vcpu, table, level);
  mem.set(upper, slot, table, adjust_guest_lNe(level + 1, flags, false));
  add_pt_update(x, vcpu, 0);
  flush_after_pt_update(x, vcpu);
  exit_to_guest(x, vcpu);
  return true;
}

/** Does nothing see the middle of the calls, and is nothing else looked at in between? */
function is_plain_caller(x: Xen, vcpu: number): boolean {
  const { vcpus } = x;
  if (!x.has_plain_loads || x.log.enabled || x.race_window !== undefined) return false;
  return vcpus.blocked[vcpu] === 0 && vcpus.kernel_mode[vcpu] !== 0 && vcpus.old_guest_table[vcpu] === 0;
}

/** Index of the first word of the l1e by which page `at` of the loaded tables maps `table`, and nothing else does writable; else NO_ENTRY. */
function only_writable_mapping(x: Xen, vcpu: number, at: Vpn, table: number): number {
  const { mem, frames, processor, vcpus } = x;
  if (frames.typeCount[table] !== 1 || frames.typeFlags[table] !== PGT_validated) return NO_ENTRY;
  const l1e = processor.used_l1e(vcpus.guest_table[vcpu]!, at);
  if (l1e === NO_ENTRY || mem.words[l1e] !== table) return NO_ENTRY;
  const judged = _PAGE_PRESENT | _PAGE_RW | PAGE_FRAME_HI_MASK;
  return (mem.words[l1e + 1]! & judged) === (_PAGE_PRESENT | _PAGE_RW) ? l1e : NO_ENTRY;
}

/** The empty `table` is of type `level` from now on: an L1 has the use of its pin, and each that of the entry for it. */
function begin_use(x: Xen, vcpu: number, table: number, level: 1 | 2): void {
  const { frames } = x;
  const uses = level === 1 ? 2 : 1;
  frames.type[table] = level;
  frames.typeFlags[table] = 0;
  flush_type_change(x, vcpu, table);
  frames.typeFlags[table] = level === 1 ? PGT_validated | PGT_pinned : PGT_validated;
  frames.nr_validated_ptes[table] = 0;
  frames.partial_flags[table] = 0;
  frames.linear_pt_count[table] = 0;
  frames.typeCount[table] = uses;
  frames.count[table] = frames.count[table]! + uses;
}
