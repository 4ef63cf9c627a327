/**
 * The requests of an mmu_update that write entries of the L4s that the vCPU runs on, with all entries into Xen that they need, in one
 * piece: what a load comes to under a design that rewrites its L4s.
 *
 * A dropped L3 waits for the next entry into Xen, so each request that drops one ends an entry, behind which is a flush
 * (continuation.ts). Here the entries go on in place, their flushes come at the end, and what all of them count is counted once. The
 * plain form is Xen.begin_hypercall() with Xen.resume_hypercall(); what is not plainly the same is left to it.
 * test/xen-model/update-own-l4es.test.ts holds the two equal, in every byte of the state.
 *
 * Mirrors: do_mmu_update(), mod_l4_entry(), put_old_guest_table(), xen/arch/x86/mm.c.
 */
import { cpumask_first } from "../abi/cpumask.js";
import { EV } from "../abi/events.js";
import { is_guest_l4_slot } from "../abi/layout.js";
import { MMU_NORMAL_PT_UPDATE } from "../abi/mmu-update.js";
import { _PAGE_PRESENT } from "../abi/page.js";
import { DONE, NEXT } from "../abi/path.js";
import { adjust_guest_lNe } from "./adjust.js";
import { MMU_UPDATE_PREEMPTED, NULL } from "./continuation.js";
import { add_pt_update, flush_after_pt_updates, only_holder } from "./flush.js";
import { OWNER_guest, PGT_l3_page_table, PGT_l4_page_table } from "./frame-table.js";
import { lNe_disallow_mask } from "./page-refs.js";
import { set_old_guest_table } from "./page-type.js";
import { is_audited } from "./update-l4e.js";
import type { Xen } from "./xen.js";

/**
 * Make requests of the call that has just begun, from the first on, as long as they are such ones. DONE where that was the call;
 * NEXT with the registers in the entry that goes on with the rest.
 */
export function update_own_l4es(x: Xen, vcpu: number): number {
  if (!is_plain(x, vcpu)) return NEXT;
  const { requests: r, vcpus, frames, mem, ledger } = x;
  const { words } = mem;
  const { count, typeCount, nrFrames } = frames;
  const calls = r.calls[vcpu]!;
  const { mu_cmd, mu_table, mu_slot, mu_frame, mu_flags } = calls;
  const kernel = vcpus.guest_table[vcpu]!;
  const user = vcpus.guest_table_user[vcpu]!;
  const disallowed = lNe_disallow_mask(x, 4);
  const first = r.first[vcpu]!;
  const end = first + r.count[vcpu]!;
  let entry = first; // the request that the present entry into Xen begins with
  let drops = 0;
  let changes = 0;
  let request = first;
  for (; request < end; request++) {
    const table = mu_table[request]!;
    if ((table !== kernel && table !== user) || mu_cmd[request] !== MMU_NORMAL_PT_UPDATE) break;
    const slot = mu_slot[request]!;
    const frame = mu_frame[request]!;
    const flags = mu_flags[request]!;
    if (!is_guest_l4_slot(slot) || frame >= nrFrames) break;
    const at = mem.at(table | 0, slot);
    const old = words[at]!;
    const wasPresent = (words[at + 1]! & _PAGE_PRESENT) !== 0;
    if (wasPresent && (old === frame || old >= nrFrames || typeCount[old]! < 2)) break;
    if (wasPresent && !is_audited(x, old, PGT_l3_page_table)) break;
    const mfn = frame | 0;
    if ((flags & _PAGE_PRESENT) !== 0) {
      if ((flags & disallowed) !== 0 || !is_audited(x, mfn, PGT_l3_page_table)) break;
      count[mfn] = count[mfn]! + 1;
      typeCount[mfn] = typeCount[mfn]! + 1;
      if (wasPresent) changes++;
    } else if (!wasPresent) break; // nothing there before and after counts as nothing
    words[at] = mfn;
    words[at + 1] = adjust_guest_lNe(4, flags, false);
    if (!wasPresent) continue;
    typeCount[old] = typeCount[old]! - 1;
    count[old] = count[old]! - 1;
    entry = request + 1;
    drops++;
  }
  const made = request - first;
  if (made === 0) return NEXT;

  ledger.count(vcpu, EV.l4e_set, made - drops);
  ledger.count(vcpu, EV.l4e_changed, changes);
  ledger.count(vcpu, EV.l4e_cleared, drops - changes);
  r.i[vcpu] = request - entry;
  if (drops > 0) {
    ledger.count(vcpu, EV.continuation, drops);
    set_old_guest_table(x, vcpu, 0, -1, true); // as put_old_guest_table() leaves it
    add_pt_update(x, vcpu, kernel);
    if (cpumask_first(r.pcpus, vcpu * r.words, r.words) >= 0) flush_after_pt_updates(x, vcpu, drops);
    continue_at(x, vcpu, entry, end);
  }
  if (entry < request) add_pt_update(x, vcpu, kernel);
  return entry < end ? NEXT : DONE;
}

/**
 * Does each request for such an entry do the same but for its references: of audited L4s, with a flush of the same pCPUs, where
 * Xen keeps no copies of L4s?
 */
function is_plain(x: Xen, vcpu: number): boolean {
  const { vcpus } = x;
  if (!x.has_plain_loads || x.log.enabled || x.race_window !== undefined || x.pg_owner !== OWNER_guest)
    return false;
  if (x.root.toggles_by_cr3 !== true || x.config.lower !== undefined || vcpus.kernel_mode[vcpu] === 0)
    return false;
  const kernel = vcpus.guest_table[vcpu]!;
  const user = vcpus.guest_table_user[vcpu]!;
  if (!is_audited(x, kernel, PGT_l4_page_table) || !is_audited(x, user, PGT_l4_page_table)) return false;
  if (x.config.flush !== "owner") return true;
  return only_holder(x, vcpu, kernel) === vcpu && only_holder(x, vcpu, user) === vcpu;
}

/** The registers, the guest's and Xen's, in the entry that begins with request `entry`: see end_requests(), begin_requests(). */
function continue_at(x: Xen, vcpu: number, entry: number, end: number): void {
  const { requests: r } = x;
  const calls = r.calls[vcpu]!;
  const row = r.row[vcpu]!;
  r.done[vcpu] = r.done[vcpu]! + entry - r.first[vcpu]!;
  r.first[vcpu] = entry;
  r.count[vcpu] = end - entry;
  calls.done[row] = r.done[vcpu]!;
  calls.first[row] = entry;
  calls.count[row] = (end - entry) | MMU_UPDATE_PREEMPTED;
  if (entry < end) return;
  calls.first[row] = NULL;
  calls.domid[row] = 0;
}
