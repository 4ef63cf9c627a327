/**
 * The copy of a guest's L4 into a root: its 496 guest slots and one of Xen's.
 *
 * Mirrors: restore_all_guest, xen/arch/x86/x86_64/entry.S: 256 + 240 quadwords and slot 259 (facts/xen.md 3.2).
 * Differs: a root from the domain heap, which no Xen has, is mapped for each copy, and unmapped after it.
 */
import { Tally } from "../../abi/ledger.js";
import {
  RO_MPT_SLOT,
  ROOT_PAGETABLE_FIRST_XEN_SLOT,
  ROOT_PAGETABLE_LAST_XEN_SLOT,
} from "../../abi/layout.js";
import { touch_domain_page } from "../mapcache.js";
import type { Xen } from "../xen.js";

/** Entries written by one copy. */
export const COPIED_SLOTS = 497;

const COPY = Tally.frequent({ l4_copy: 1, l4_slots_copied: COPIED_SLOTS });
const WINDOW = Tally.frequent({ l4_window: 1, invlpg: 1 });
const WINDOW_PCID = Tally.of({ l4_window: 1, invpcid_one: 4 });

/** Copy from guest L4 `l4` to `root`; `withRoMpt`: slot 256 too, which differs between L4s of one guest. */
export function copy_guest_slots(x: Xen, vcpu: number, root: number, l4: number, withRoMpt: boolean): void {
  const { words, ptes } = x.mem;
  const from = l4 * ptes * 2;
  const to = root * ptes * 2;
  const behindXen = (ROOT_PAGETABLE_LAST_XEN_SLOT + 1) * 2;
  if (x.config.rootsOnDemand === true) touch_domain_page(x, vcpu, root);
  x.ledger.countAll(vcpu, COPY);
  if (x.root_is_unseen) return;
  words.copyWithin(to, from, from + ROOT_PAGETABLE_FIRST_XEN_SLOT * 2);
  words.copyWithin(to + behindXen, from + behindXen, from + ptes * 2);
  if (!withRoMpt) return;
  words[to + RO_MPT_SLOT * 2] = words[from + RO_MPT_SLOT * 2]!;
  words[to + RO_MPT_SLOT * 2 + 1] = words[from + RO_MPT_SLOT * 2 + 1]!;
}

/** Move the vCPU's private window onto its current L4: one entry, and its flush in each address space. */
export function move_window(x: Xen, vcpu: number, pcid: boolean): void {
  x.vcpus.l4_window[vcpu] = x.vcpus.current_table(vcpu);
  x.ledger.countAll(vcpu, pcid ? WINDOW_PCID : WINDOW);
}
