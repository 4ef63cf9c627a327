/**
 * Taking a table down with its last use: demotion, from the last entry to the first.
 *
 * From L2 up it can be preempted between entries; nr_validated_ptes and partial_flags then tell which entries
 * still hold references, as for promotion.
 *
 * Mirrors: demote_l1_table()..demote_l4_table(), xen/arch/x86/mm.c (facts/xen.md 1.6, 1.11).
 */
import { EINTR, ERESTART, type Rc } from "../abi/errno.js";
import { EV } from "../abi/events.js";
import { eight_empty, WORDS_OF_8 } from "../abi/memory.js";
import { _PAGE_PRESENT, _PAGE_RW, PAGE_FLAGS_MASK, PAGE_FRAME_HI_MASK } from "../abi/page.js";
import { hexFrame } from "./audit-log.js";
import { unadjust_guest_l3e } from "./adjust.js";
import {
  OWNER_guest,
  PGT_l1_page_table,
  PGT_locked,
  PGT_pae_xen_l2,
  PGT_writable_page,
} from "./frame-table.js";
import { put_page_from_l1e } from "./l1e-refs.js";
import { map_domain_page, unmap_domain_page } from "./mapcache.js";
import { put_one_use, put_page_from_lNe } from "./page-refs.js";
import { PTF_partial_set } from "./page-type.js";
import { is_guest_slot } from "./slots.js";
import type { Xen } from "./xen.js";

/**
 * Drop what the entries of `table`, of type `level`, hold.
 *
 * Errors: -EINTR     preempted before anything was dropped.
 *         -ERESTART  preempted.
 */
export function demote_page(x: Xen, vcpu: number, table: number, level: number): Rc {
  if (x.log.enabled) {
    x.log.note(
      "devalidate_page",
      `mfn ${hexFrame(table)}`,
      `the last use as l${level} has gone, so its entries give back what they hold`,
    );
  }
  const mapped = map_domain_page(x, vcpu, table);
  const rc =
    level !== PGT_l1_page_table ? demote_upper_table(x, vcpu, table, level) : demote_l1_table(x, vcpu, table);
  unmap_domain_page(x, vcpu, mapped);
  return rc;
}

/** Of an entry's second word: what the references that it holds depend on. A frame of more than 32 bits is none of the guest's. */
const KIND = _PAGE_PRESENT | _PAGE_RW | PAGE_FRAME_HI_MASK;
const WRITABLE = _PAGE_PRESENT | _PAGE_RW;

/**
 * put_page_from_l1e() of each present entry, from the first to the last, which is the plain form: of the guest's RAM that is in
 * no other use, with what that looks up in locals. test/xen-model/demote.test.ts holds the two equal.
 */
function demote_l1_table(x: Xen, vcpu: number, table: number): Rc {
  const { mem, ledger } = x;
  ledger.count(vcpu, EV.demote_l1, 1);
  let present = 0;
  const { words } = mem;
  const { count, owner, type, typeCount, typeFlags, tlbflush_timestamp } = x.frames;
  const nrFrames = x.frames.nrFrames | 0;
  const takes_type = x.rules.writable_takes_type;
  const clock = x.pcpus.tlbflush_clock[0]!; // no use of data that ends here flushes
  const start = mem.at(table, 0);
  const end = table < mem.nrTables ? start + 2 * mem.ptes : start;
  for (let at = start; at < end; at += 2) {
    const high = words[at + 1]! | 0;
    if (high === 0 && (at & (WORDS_OF_8 - 1)) === 0 && at + WORDS_OF_8 <= end && eight_empty(words, at))
      at += WORDS_OF_8 - 2;
    const kind = high & KIND;
    if ((kind & _PAGE_PRESENT) === 0) continue;
    present++;
    const frame = words[at]! | 0;
    if (frame < nrFrames && owner[frame] === OWNER_guest) {
      if (kind === _PAGE_PRESENT || (kind === WRITABLE && !takes_type)) {
        count[frame] = count[frame]! - 1;
        continue;
      }
      if (kind === WRITABLE && type[frame] === PGT_writable_page && (typeFlags[frame]! & PGT_locked) === 0) {
        const left = typeCount[frame]! - 1;
        typeCount[frame] = left;
        if (left === 0) tlbflush_timestamp[frame] = clock;
        count[frame] = count[frame]! - 1;
        continue;
      }
    }
    put_page_from_l1e(x, vcpu, words[at]! + (high >>> 24) * 2 ** 32, high & PAGE_FLAGS_MASK);
  }
  ledger.count(vcpu, EV.demote_present_l1, present);
  return 0;
}

function demote_upper_table(x: Xen, vcpu: number, table: number, level: number): Rc {
  const { mem, frames, ledger } = x;
  const { words } = mem;
  const start = mem.at(table, 0);
  let partial_flags = frames.partial_flags[table]!;
  const pae_xen_l2 = (frames.typeFlags[table]! & PGT_pae_xen_l2) !== 0;
  const unadjust = level === 3 && x.pv32;
  const looks = level !== 4 && x.is_preemptible && x.rules.demote_is_preemptible;
  if (table >= mem.nrTables) return 0; // reads as zero
  let slot = frames.nr_validated_ptes[table]! - ((partial_flags & PTF_partial_set) !== 0 ? 0 : 1);
  if (slot === mem.ptes - 1 && partial_flags === 0) ledger.count(vcpu, DEMOTED[level]!, 1);
  let rc: Rc = 0;
  let present = 0;
  for (; slot >= 0; slot--, partial_flags = 0) {
    if (!looks) {
      const used = mem.last_used(table, slot);
      if (used < slot) partial_flags = 0;
      slot = used;
      if (slot < 0) break;
    }
    const flags = words[start + 2 * slot + 1]! & PAGE_FLAGS_MASK;
    if ((flags & _PAGE_PRESENT) !== 0 && is_guest_slot(x, level, slot, pae_xen_l2)) {
      const mfn = mem.frame(table, slot);
      rc = 0;
      if (partial_flags !== 0 || !put_one_use(x, table, mfn))
        rc = put_page_from_lNe(x, vcpu, table, mfn, flags, partial_flags);
      if (rc < 0) break;
      present++;
      if (rc === 0 && unadjust) mem.set_flags(table, slot, unadjust_guest_l3e(flags, true));
      rc = 0;
    }
    if (looks && slot > 0 && x.hypercall_preempt_check()) {
      rc = -EINTR;
      slot--;
      partial_flags = 0;
      break;
    }
  }
  ledger.count(vcpu, DROPPED[level]!, present);
  if (rc === 0) {
    if (level === 2) frames.typeFlags[table]! &= ~PGT_pae_xen_l2;
    return 0;
  }
  if (rc === -ERESTART) {
    frames.nr_validated_ptes[table] = slot;
    frames.partial_flags[table] = x.rules.partial_set ? PTF_partial_set : 0;
    return rc;
  }
  if (slot >= mem.ptes - 1) return rc; // nothing has been dropped yet
  // entry `slot` is the next one, and holds its references: both, or with PTF_partial_set the general one
  const whole = (partial_flags & PTF_partial_set) === 0 && x.rules.demote_resumes_at_entry;
  frames.nr_validated_ptes[table] = slot + (whole ? 1 : 0);
  frames.partial_flags[table] = partial_flags;
  return -ERESTART;
}

const DEMOTED = [-1, EV.demote_l1, EV.demote_l2, EV.demote_l3, EV.demote_l4];
const DROPPED = [-1, EV.demote_present_l1, EV.demote_present_l2, EV.demote_present_l3, EV.demote_present_l4];
