/**
 * The commonest hypercall in one piece: an mmu_update of one request, which writes an entry of an L1 table in use.
 *
 * Linux makes one for nearly each PTE that it sets. The plain form is Xen.begin_hypercall(): do_mmu_update() with its
 * registers, which a call that is done in one step leaves as they were. What is not that call is left to it, with
 * nothing changed; test/xen-model/update-one-l1e.test.ts holds the two equal, in every byte of the state.
 *
 * Mirrors: do_mmu_update(), xen/arch/x86/mm.c, with count 1.
 */
import type { Rc } from "../abi/errno.js";
import { EV } from "../abi/events.js";
import { __HYPERVISOR_mmu_update, type CallBuffer, DOMID_SELF } from "../abi/hypercalls.js";
import {
  MMU_MACHPHYS_UPDATE,
  MMU_PT_UPDATE_NO_TRANSLATE,
  MMU_PT_UPDATE_PRESERVE_AD,
} from "../abi/mmu-update.js";
import { Tally } from "../abi/ledger.js";
import { _PAGE_PRESENT, _PAGE_RW } from "../abi/page.js";
import { adjust_guest_l1e } from "./adjust.js";
import { XEN_RULES } from "./audit-rules.js";
import { OWNER_guest, PGT_l1_page_table, PGT_validated, PGT_writable_page } from "./frame-table.js";
import { L1_DISALLOWED } from "./l1e-refs.js";
import { mod_l1_entry } from "./mod-entries.js";
import { exit_to_guest } from "./refill.js";
import type { Xen } from "./xen.js";

const CALLED = Tally.of({ mmu_update: 1, mmu_update_items: 1, sysret: 1 });
/** Of a call that fills an entry. */
export const FILLED = Tally.of({ mmu_update: 1, mmu_update_items: 1, l1e_set: 1, sysret: 1 });
/** No result of a call: it was not made. */
export const NOT_PLAIN = 1;

/** Make the call in `row`, if it is such a one; else NOT_PLAIN. Errors: as mod_l1_entry(). */
export function update_one_l1e(x: Xen, vcpu: number, calls: CallBuffer, row: number): Rc {
  if (!is_plain_update(x, vcpu, calls, row)) return NOT_PLAIN;
  const { ledger } = x;
  x.root.enter_from_guest(x, vcpu);
  const request = calls.first[row]!;
  const table = calls.mu_table[request]! | 0;
  const slot = calls.mu_slot[request]!;
  const frame = calls.mu_frame[request]!;
  const flags = calls.mu_flags[request]!;
  let rc: Rc = 0;
  if (fill_l1e(x, table, slot, frame, flags)) ledger.countAll(vcpu, FILLED);
  else {
    ledger.countAll(vcpu, CALLED);
    const preserve_ad = calls.mu_cmd[request] === MMU_PT_UPDATE_PRESERVE_AD;
    rc = mod_l1_entry(x, vcpu, table, slot, frame, flags, preserve_ad);
  }
  calls.done[row] = rc === 0 ? 1 : 0;
  calls.rc[row] = rc;
  if (rc !== 0) ledger.count(vcpu, EV.hypercall_failed, 1);
  exit_to_guest(x, vcpu);
  return rc;
}

/** Is the call in `row` an update of one entry, in an L1 of the guest's that is in use, by a vCPU that is in kernel mode? */
function is_plain_update(x: Xen, vcpu: number, calls: CallBuffer, row: number): boolean {
  if (calls.op[row] !== __HYPERVISOR_mmu_update || calls.count[row] !== 1) return false;
  if (calls.domid[row] !== DOMID_SELF || x.mapcache !== undefined || !x.rules.unlock_on_error) return false;
  const { vcpus } = x;
  if (vcpus.blocked[vcpu] !== 0 || vcpus.kernel_mode[vcpu] === 0) return false;
  if (vcpus.old_guest_table[vcpu] !== 0) return false;

  const request = calls.first[row]!;
  const cmd = calls.mu_cmd[request]!;
  if (cmd === MMU_MACHPHYS_UPDATE || cmd > MMU_PT_UPDATE_NO_TRANSLATE) return false;
  const table = calls.mu_table[request]!;
  if (!is_l1_in_use(x, table)) return false;
  return calls.mu_frame[request] !== table; // the audit of such an entry can tell whether the table is locked
}

/** Is `table` an L1 of the guest's that is in use? */
export function is_l1_in_use({ frames }: Xen, table: number): boolean {
  if (table >= frames.nrFrames || frames.owner[table] !== OWNER_guest) return false;
  if (frames.type[table] !== PGT_l1_page_table || frames.typeCount[table] === 0) return false;
  return (frames.typeFlags[table]! & PGT_validated) !== 0;
}

/**
 * mod_l1_entry() of an entry that is zero, where the new one's references can be taken without ado. False, with nothing changed, for any
 * other.
 */
export function fill_l1e(x: Xen, table: number, slot: number, frame: number, flags: number): boolean {
  const { mem } = x;
  const { words } = mem;
  if (table >= mem.nrTables) return false;
  const at = mem.at(table, slot);
  if (words[at + 1] !== 0 || !take_refs(x, frame, flags)) return false;
  words[at] = frame;
  words[at + 1] = adjust_guest_l1e(flags, x.pv32);
  return true;
}

/**
 * get_page_from_l1e() of a present entry for a frame of the guest's own, that is to be written to only where it is in that use already, or
 * was last. False, with nothing changed, for any other.
 */
export function take_refs(x: Xen, frame: number, flags: number): boolean {
  const { frames } = x;
  if ((flags & (_PAGE_PRESENT | L1_DISALLOWED)) !== _PAGE_PRESENT) return false;
  if (frame >= frames.nrFrames || frames.owner[frame] !== OWNER_guest) return false;
  if (x.pg_owner !== OWNER_guest || x.rules !== XEN_RULES) return false;
  const mfn = frame | 0;
  if ((flags & _PAGE_RW) !== 0) {
    const validated = (frames.typeFlags[mfn]! & PGT_validated) !== 0;
    if (frames.type[mfn] !== PGT_writable_page || !validated) return false;
    frames.typeCount[mfn] = frames.typeCount[mfn]! + 1;
  }
  frames.count[mfn] = frames.count[mfn]! + 1;
  return true;
}
