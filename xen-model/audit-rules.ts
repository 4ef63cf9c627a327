/**
 * The rules of the audit that security advisories turned on, each by its own name, so that a test can put the old
 * rule back and see what breaks (facts/xen.md 11).
 *
 * Only XEN_RULES is Xen. The audit reads a rule where Xen has the line that the advisory changed.
 */
import {
  _PAGE_ACCESSED,
  _PAGE_AVAIL,
  _PAGE_AVAIL_HIGH,
  _PAGE_DIRTY,
  _PAGE_GLOBAL,
  _PAGE_NX,
  _PAGE_PCD,
  _PAGE_PSE,
  _PAGE_PWT,
  _PAGE_USER,
} from "../abi/page.js";

export interface AuditRules {
  /** Flags of an L1 entry that may change without a new audit. RW is none of them. */
  readonly FASTPATH_FLAG_WHITELIST: number;
  /** ... of an L2+ entry. With RW in it, a read-only linear mapping becomes writable (XSA-182). */
  readonly FASTPATH_PDE_FLAG_WHITELIST: number;
  /** Flags that no present L2+ entry may have: without PSE, a superpage maps frames unseen (XSA-148). */
  readonly L2_DISALLOW_MASK: number;
  /** A writable L1 entry takes a type reference: the core of the scheme, head comment of mm.c. */
  readonly writable_takes_type: boolean;
  /** The fast path is for changes of flags: another frame is always audited. */
  readonly fastpath_keeps_frame: boolean;
  /** Every entry of a 64-bit guest gets _PAGE_USER. */
  readonly adjust_entries: boolean;
  /** Slots of Xen's in an L4 are written to by Xen alone. */
  readonly xen_slots_are_closed: boolean;
  /** A pin holds a reference of each kind. */
  readonly pin_holds_refs: boolean;
  /** The table of user mode is an audited L4, as that of kernel mode is. */
  readonly user_table_is_audited: boolean;
  /** A resumed audit takes over the type reference of PGT_partial, and adds none. */
  readonly resume_takes_over_ref: boolean;
  /** A table is unlocked on every way out of an update. */
  readonly unlock_on_error: boolean;
  /** A linear use ends at a table without linear entries of its own (XSA-240). */
  readonly one_linear_level: boolean;
  /** PAE has no linear L3 (XSA-185). */
  readonly no_linear_pae_l3: boolean;
  /** A resumed audit keeps the linear entries counted so far (XSA-309). */
  readonly resume_keeps_linear_count: boolean;
  /** PGT_partial owns a general reference, beside the type reference (XSA-58, 299). */
  readonly partial_owns_ref: boolean;
  /** An interrupted table remembers that the entry it stopped at holds a reference (XSA-299). */
  readonly partial_set: boolean;
  /** A demotion that was interrupted before an entry goes on at that entry, not behind it (XSA-310). */
  readonly demote_resumes_at_entry: boolean;
  /** What a failed pin leaves partial belongs to old_guest_table, references and all (XSA-58). */
  readonly old_table_keeps_ref: boolean;
  /** The last reference but the lock's stays until the table is unlocked (XSA-242). */
  readonly put_waits_for_lock: boolean;
  /** A dropped L2+ entry is taken down where it can be preempted (XSA-45, 290). */
  readonly demote_is_preemptible: boolean;
  /** A change of an L2+ entry flushes Xen's linear mappings before anything else runs (XSA-286). */
  readonly flush_linear_pt: boolean;
  /** update_va_mapping flushes nothing if it failed (XSA-279). */
  readonly no_flush_on_error: boolean;
  /** A type is taken first, then stale translations are flushed, judged by the old type (XSA-401, 408). */
  readonly flush_behind_type: boolean;
  /** ... where the old type differs from the new one, which the frame has by then (XSA-408). */
  readonly flush_by_old_type: boolean;
  /** Writable mappings past the caches are remembered, and flushed before another use (XSA-402). */
  readonly track_non_coherent: boolean;
  /** Returning to user mode ends a multicall (XSA-213). */
  readonly iret_ends_multicall: boolean;

  // the exclusive audit, which is no Xen's yet: exclusive-l4.ts (facts/xen.md 11, a to j)

  /** An L4's owner is looked at and set in the step that takes the type reference (g). */
  readonly owner_with_type_ref: boolean;
  /** An owner that has an L4 installed in no mode any more is none (j). */
  readonly owner_ends_with_installation: boolean;
  /** No L4 is used linearly, which would show its per-pCPU slots one level down (f). */
  readonly no_linear_exclusive_l4: boolean;
  /** An L4 gets the Xen slots of its owner's pCPU. */
  readonly percpu_slots_follow_owner: boolean;
}

export const FASTPATH_FLAG_WHITELIST =
  _PAGE_NX | _PAGE_AVAIL_HIGH | _PAGE_AVAIL | _PAGE_GLOBAL | _PAGE_DIRTY | _PAGE_ACCESSED | _PAGE_USER;

/** Flags that no present entry above L1 may have. Mirrors: L2_DISALLOW_MASK.., asm/x86_64/page.h. */
export const L2_DISALLOW_MASK = _PAGE_PWT | _PAGE_PCD | _PAGE_PSE | _PAGE_GLOBAL;

export const XEN_RULES: AuditRules = Object.freeze({
  FASTPATH_FLAG_WHITELIST,
  FASTPATH_PDE_FLAG_WHITELIST: FASTPATH_FLAG_WHITELIST,
  L2_DISALLOW_MASK,
  writable_takes_type: true,
  fastpath_keeps_frame: true,
  adjust_entries: true,
  xen_slots_are_closed: true,
  pin_holds_refs: true,
  user_table_is_audited: true,
  resume_takes_over_ref: true,
  unlock_on_error: true,
  one_linear_level: true,
  no_linear_pae_l3: true,
  resume_keeps_linear_count: true,
  partial_owns_ref: true,
  partial_set: true,
  demote_resumes_at_entry: true,
  old_table_keeps_ref: true,
  put_waits_for_lock: true,
  demote_is_preemptible: true,
  flush_linear_pt: true,
  no_flush_on_error: true,
  flush_behind_type: true,
  flush_by_old_type: true,
  track_non_coherent: true,
  iret_ends_multicall: true,
  owner_with_type_ref: true,
  owner_ends_with_installation: true,
  no_linear_exclusive_l4: true,
  percpu_slots_follow_owner: true,
});
