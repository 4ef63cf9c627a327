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
import { OWNER_guest, PGT_l1_page_table, PGT_validated } from "./frame-table.js";
import { mod_l1_entry } from "./mod-entries.js";
import { exit_to_guest } from "./refill.js";
import type { Xen } from "./xen.js";

/** No result of a call: it was not made. */
export const NOT_PLAIN = 1;

/** Make the call in `row`, if it is such a one; else NOT_PLAIN. Errors: as mod_l1_entry(). */
export function update_one_l1e(x: Xen, vcpu: number, calls: CallBuffer, row: number): Rc {
  if (calls.op[row] !== __HYPERVISOR_mmu_update || calls.count[row] !== 1) return NOT_PLAIN;
  if (calls.domid[row] !== DOMID_SELF || x.mapcache !== undefined || !x.rules.unlock_on_error)
    return NOT_PLAIN;
  const { vcpus, frames, ledger } = x;
  if (vcpus.blocked[vcpu] !== 0 || vcpus.kernel_mode[vcpu] === 0) return NOT_PLAIN;
  if (vcpus.old_guest_table[vcpu] !== 0) return NOT_PLAIN;

  const request = calls.first[row]!;
  const cmd = calls.mu_cmd[request]!;
  if (cmd === MMU_MACHPHYS_UPDATE || cmd > MMU_PT_UPDATE_NO_TRANSLATE) return NOT_PLAIN;
  const table = calls.mu_table[request]!;
  if (table >= frames.nrFrames || frames.owner[table] !== OWNER_guest) return NOT_PLAIN;
  if (frames.type[table] !== PGT_l1_page_table || frames.typeCount[table] === 0) return NOT_PLAIN;
  if ((frames.typeFlags[table]! & PGT_validated) === 0) return NOT_PLAIN;
  const frame = calls.mu_frame[request]!;
  if (frame === table) return NOT_PLAIN; // the audit of such an entry can tell whether the table is locked

  ledger.count(vcpu, EV.mmu_update, 1);
  x.root.enter_from_guest(x, vcpu);
  ledger.count(vcpu, EV.mmu_update_items, 1);
  const preserve_ad = cmd === MMU_PT_UPDATE_PRESERVE_AD;
  const slot = calls.mu_slot[request]!;
  const flags = calls.mu_flags[request]!;
  const rc = mod_l1_entry(x, vcpu, table | 0, slot, frame, flags, preserve_ad);
  calls.done[row] = rc === 0 ? 1 : 0;
  calls.rc[row] = rc;
  if (rc !== 0) ledger.count(vcpu, EV.hypercall_failed, 1);
  ledger.count(vcpu, EV.sysret, 1);
  exit_to_guest(x, vcpu);
  return rc;
}
