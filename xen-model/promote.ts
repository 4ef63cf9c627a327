/**
 * Audit of a whole table when it comes into use as one (promotion), and its undoing with the last use.
 *
 * Mirrors: promote_l1_table()..promote_l4_table(), demote_l1_table()..demote_l4_table(), xen/arch/x86/mm.c
 *          (facts/xen.md 1.6).
 * Differs: not preempted. A multi-level audit that fails part way leaves what it took in old_guest_table, as Xen does; it is
 *          given back at the end of the hypercall.
 */
import type { Rc } from "../abi/errno.js";
import { EV } from "../abi/events.js";
import { is_guest_l4_slot } from "../abi/layout.js";
import { _PAGE_PRESENT, PAGE_FLAGS_MASK } from "../abi/page.js";
import { adjust_guest_l1e, adjust_guest_lNe } from "./adjust.js";
import { PGT_partial, PGT_l4_page_table } from "./frame-table.js";
import { get_page_from_l1e, get_page_from_lNe, put_page_from_l1e, put_page_from_lNe } from "./page-refs.js";
import type { Xen } from "./xen.js";

/** Audit `table` as `level`. The caller has taken the type reference; on error it is gone. */
export function promote_table(x: Xen, vcpu: number, table: number, level: number): Rc {
  x.frames.validated[table] = 0;
  return level === 1 ? promote_l1_table(x, vcpu, table) : promote_upper_table(x, vcpu, table, level);
}

function promote_l1_table(x: Xen, vcpu: number, table: number): Rc {
  const { mem, frames, ledger } = x;
  const { words, ptes } = mem;
  ledger.count(vcpu, EV.promote_l1, 1);
  let present = 0;
  if (table < mem.nrTables) {
    const start = table * ptes * 2;
    for (let at = start; at < start + ptes * 2; at += 2) {
      const high = words[at + 1]!;
      if ((high & _PAGE_PRESENT) === 0) continue;
      present++;
      const mfn = words[at]! + (high >>> 24) * 2 ** 32;
      const flags = high & PAGE_FLAGS_MASK;
      const rc = get_page_from_l1e(x, vcpu, mfn, flags);
      if (rc < 0) {
        for (let undo = at - 2; undo >= start; undo -= 2) {
          const done = words[undo + 1]!;
          put_page_from_l1e(x, vcpu, words[undo]! + (done >>> 24) * 2 ** 32, done & PAGE_FLAGS_MASK);
        }
        frames.typeCount[table]!--;
        return rc;
      }
      words[at + 1] = (high & ~PAGE_FLAGS_MASK) | adjust_guest_l1e(flags ^ rc);
    }
  }
  ledger.count(vcpu, EV.audit_present_l1, present);
  return 0;
}

function promote_upper_table(x: Xen, vcpu: number, table: number, level: number): Rc {
  const { mem, frames, ledger } = x;
  ledger.count(vcpu, PROMOTED[level]!, 1);
  let present = 0;
  for (let slot = 0; slot < mem.ptes; slot++) {
    const flags = mem.flags(table, slot);
    if ((flags & _PAGE_PRESENT) === 0 || (level === 4 && !is_guest_l4_slot(slot))) continue;
    present++;
    const rc = get_page_from_lNe(x, vcpu, level, table, mem.frame(table, slot), flags);
    if (rc !== 0) {
      fail_promotion(x, vcpu, table, slot);
      return rc;
    }
    mem.set_flags(table, slot, adjust_guest_lNe(level, flags));
  }
  ledger.count(vcpu, AUDITED[level]!, present);
  frames.validated[table] = mem.ptes;
  if (level === PGT_l4_page_table) x.init_xen_l4_slots(table);
  return 0;
}

/** What was taken so far stays with the table until put_old_guest_table(). */
function fail_promotion(x: Xen, vcpu: number, table: number, slot: number): void {
  const { frames, vcpus } = x;
  if (slot === 0) {
    frames.typeCount[table]!--;
    return;
  }
  frames.validated[table] = slot;
  frames.typeFlags[table]! |= PGT_partial;
  // PARTIAL owns one type and one general reference; inside a larger audit that fails too, it is taken down at once
  frames.count[table]!++;
  if (vcpus.old_guest_table[vcpu] !== 0) x.put_old_guest_table(vcpu);
  vcpus.old_guest_table[vcpu] = table;
}

/** Take `table` down: drop what its entries hold. */
export function demote_table(x: Xen, vcpu: number, table: number, level: number): void {
  const { mem, frames, ledger } = x;
  ledger.count(vcpu, DEMOTED[level]!, 1);
  const end = level === 1 || frames.validated[table] === 0 ? mem.ptes : frames.validated[table]!;
  let present = 0;
  for (let slot = end - 1; slot >= 0; slot--) {
    const flags = mem.flags(table, slot);
    if ((flags & _PAGE_PRESENT) === 0 || (level === 4 && !is_guest_l4_slot(slot))) continue;
    present++;
    if (level === 1) put_page_from_l1e(x, vcpu, mem.frame(table, slot), flags);
    else put_page_from_lNe(x, vcpu, table, mem.frame(table, slot), flags);
  }
  ledger.count(vcpu, DROPPED[level]!, present);
}

const PROMOTED = [-1, EV.promote_l1, EV.promote_l2, EV.promote_l3, EV.promote_l4];
const AUDITED = [-1, EV.audit_present_l1, EV.audit_present_l2, EV.audit_present_l3, EV.audit_present_l4];
const DEMOTED = [-1, EV.demote_l1, EV.demote_l2, EV.demote_l3, EV.demote_l4];
const DROPPED = [-1, EV.demote_present_l1, EV.demote_present_l2, EV.demote_present_l3, EV.demote_present_l4];
