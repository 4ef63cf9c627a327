/**
 * A request of mmu_update in one piece that sets or clears an entry of an audited L4: what designs that mirror L4s make many of.
 *
 * The plain form is update_locked() (do-mmu-update.ts), with mod_lN_entry(). What is not plainly the same is left to it, with nothing
 * changed; test/xen-model/update-l4e.test.ts holds the two equal, in every byte of the state.
 *
 * Mirrors: mod_l4_entry(), xen/arch/x86/mm.c.
 */
import { EV } from "../abi/events.js";
import type { CallBuffer } from "../abi/hypercalls.js";
import { is_guest_l4_slot } from "../abi/layout.js";
import { _PAGE_PRESENT } from "../abi/page.js";
import { adjust_guest_lNe } from "./adjust.js";
import { add_pt_update } from "./flush.js";
import {
  OWNER_guest,
  PGT_l3_page_table,
  PGT_l4_page_table,
  PGT_locked,
  PGT_validated,
} from "./frame-table.js";
import { lNe_disallow_mask } from "./page-refs.js";
import { set_old_guest_table } from "./page-type.js";
import type { Xen } from "./xen.js";

/** Make request `request` of `calls`, an MMU_NORMAL_PT_UPDATE; false if it is not such a one. */
export function update_l4e(x: Xen, vcpu: number, calls: CallBuffer, request: number): boolean {
  const { mem, ledger } = x;
  const slot = calls.mu_slot[request]!;
  const flags = calls.mu_flags[request]!;
  if (!x.has_plain_loads || x.log.enabled || x.race_window !== undefined || x.pg_owner !== OWNER_guest)
    return false;
  if (calls.mu_table[request]! >= mem.nrTables || calls.mu_frame[request]! >= x.frames.nrFrames) return false;
  const table = calls.mu_table[request]! | 0;
  const frame = calls.mu_frame[request]! | 0;
  if (!is_audited(x, table, PGT_l4_page_table) || !is_guest_l4_slot(slot)) return false;

  const { words } = mem;
  const at = mem.at(table, slot);
  const old = words[at]!;
  const wasPresent = (words[at + 1]! & _PAGE_PRESENT) !== 0;
  if (wasPresent && (old >= x.frames.nrFrames || old === table || old === frame)) return false;
  if ((flags & _PAGE_PRESENT) !== 0) {
    if ((flags & lNe_disallow_mask(x, 4)) !== 0 || !is_audited(x, frame, PGT_l3_page_table)) return false;
    const { count, typeCount } = x.frames;
    count[frame] = count[frame]! + 1;
    typeCount[frame] = typeCount[frame]! + 1;
    ledger.count(vcpu, wasPresent ? EV.l4e_changed : EV.l4e_set, 1);
  } else if (wasPresent) ledger.count(vcpu, EV.l4e_cleared, 1);
  words[at] = frame;
  words[at + 1] = adjust_guest_lNe(4, flags, false);
  if (wasPresent) set_old_guest_table(x, vcpu, old, table, false);
  add_pt_update(x, vcpu, table);
  const { roots } = x.requests;
  roots[vcpu] = roots[vcpu]! | x.root.l4_changed(x, vcpu, table);
  return true;
}

/** Is `mfn` a table of that type, in use and not locked, so that one more use changes its counts alone? */
export function is_audited({ frames }: Xen, mfn: number, type: number): boolean {
  return (
    frames.owner[mfn] === OWNER_guest &&
    frames.type[mfn] === type &&
    frames.typeCount[mfn] !== 0 &&
    (frames.typeFlags[mfn]! & (PGT_validated | PGT_locked)) === PGT_validated
  );
}
