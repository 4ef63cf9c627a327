/**
 * The requests of an mmu_update that write entries of L1s in use, one after the other with nothing in between: what an mprotect, or the
 * pages of a fork, come to.
 *
 * The plain form is the loop of do_mmu_update(), which looks at the type of the frame, holds it in that for the moment, and asks before
 * each request whether the call is to make way. What is not such a request is left to it, with all that are behind.
 * test/xen-model/update-l1es-in-use.test.ts holds the two equal, in every byte of the state.
 *
 * Mirrors: do_mmu_update(), xen/arch/x86/mm.c, of PGT_l1_page_table.
 */
import {
  MMU_MACHPHYS_UPDATE,
  MMU_PT_UPDATE_NO_TRANSLATE,
  MMU_PT_UPDATE_PRESERVE_AD,
} from "../abi/mmu-update.js";
import { mod_l1_entry } from "./mod-entries.js";
import { is_l1_in_use } from "./update-one-l1e.js";
import type { Xen } from "./xen.js";

/** Make requests of the call that has just begun, from where it is, as long as they are such ones; the registers are in the next. */
export function update_l1es_in_use(x: Xen, vcpu: number): void {
  if (x.mapcache !== undefined || x.is_preemptible || !x.rules.unlock_on_error) return;
  const { requests: r } = x;
  const { mu_cmd, mu_table, mu_slot, mu_frame, mu_flags } = r.calls[vcpu]!;
  const first = r.first[vcpu]!;
  const end = first + r.count[vcpu]!;
  let request = first + r.i[vcpu]!;
  for (; request < end; request++) {
    const cmd = mu_cmd[request]!;
    const table = mu_table[request]!;
    if (cmd === MMU_MACHPHYS_UPDATE || cmd > MMU_PT_UPDATE_NO_TRANSLATE || !is_l1_in_use(x, table)) break;
    const frame = mu_frame[request]!;
    if (frame === table) break; // the audit of such an entry can tell whether the table is locked
    const preserve_ad = cmd === MMU_PT_UPDATE_PRESERVE_AD;
    const rc = mod_l1_entry(x, vcpu, table | 0, mu_slot[request]!, frame, mu_flags[request]!, preserve_ad);
    if (rc === 0) continue;
    r.rc[vcpu] = rc;
    break;
  }
  r.i[vcpu] = request - first;
}
