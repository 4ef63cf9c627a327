/**
 * What must be so of top-level tables: those that are loaded, Xen's slots in them, and what root designs and the
 * exclusive audit add.
 *
 * Mirrors: init_xen_l4_slots(), xen/arch/x86/mm.c (facts/xen.md 1.4, 1.7, 4.3, 11).
 */
import {
  is_guest_l4_slot,
  RO_MPT_SLOT,
  ROOT_PAGETABLE_FIRST_XEN_SLOT,
  ROOT_PAGETABLE_LAST_XEN_SLOT,
} from "../abi/layout.js";
import { _PAGE_PRESENT } from "../abi/page.js";
import { hexFrame } from "./audit-log.js";
import { PERCPU_SLOTS } from "./exclusive-l4.js";
import { PGT_l3_page_table, PGT_l4_page_table } from "./frame-table.js";
import { always, entries, frames } from "./invariant.js";

export const loadedTablesAreAudited = always("a vCPU has audited L4s loaded, or a PAE L3", (m) => {
  const { vcpus, frames, pv32, mem } = m.xen;
  for (let vcpu = 0; vcpu < vcpus.nrVcpus; vcpu++) {
    for (const table of [vcpus.guest_table, vcpus.guest_table_user]) {
      let mfn = table[vcpu]!;
      if (mfn !== 0 && pv32) mfn = (mem.flags(mfn, 0) & _PAGE_PRESENT) !== 0 ? mem.frame(mfn, 0) : 0;
      if (mfn === 0) continue;
      const level = pv32 ? PGT_l3_page_table : PGT_l4_page_table;
      if (frames.type[mfn] !== level || !frames.is_validated(mfn))
        return `vcpu ${vcpu}: mfn ${hexFrame(mfn)}`;
    }
  }
  return "";
});

export const xenSlotsAreXens = always(
  "the 16 slots of Xen's in an audited L4 map what Xen put there",
  (m) => {
    const { frames: f, mem, pv32, pcpus } = m.xen;
    if (pv32 || mem.ptes <= ROOT_PAGETABLE_LAST_XEN_SLOT) return "";
    return frames(m, (mfn) => {
      if (f.type[mfn] !== PGT_l4_page_table || f.typeCount[mfn] === 0 || !f.is_validated(mfn)) return "";
      for (let slot = ROOT_PAGETABLE_FIRST_XEN_SLOT; slot <= ROOT_PAGETABLE_LAST_XEN_SLOT; slot++) {
        const ofPcpu = PERCPU_SLOTS.includes(slot) && pcpus.percpu_l3.includes(mem.frame(mfn, slot));
        if (!ofPcpu && !m.xen.tables.is_xen_l4_slot_right(mfn, slot)) return `slot ${slot}`;
      }
      return "";
    });
  },
);

/**
 * Nontrivial with XenConfig.exclusive only, and there where it is enforced: to observe, several vCPUs may have an L4.
 */
export const l4OwnerHasItInstalled = always(
  "under an exclusive audit the owner of a frame is the vCPU that has it installed as an L4; no other has, or none has",
  (m) => {
    const { xen } = m;
    if (xen.exclusive !== "enforce" || xen.pv32) return "";
    return frames(m, (mfn) => {
      const holder = xen.vcpus.other_holder(-1, mfn);
      if (holder >= 0 && xen.vcpus.other_holder(holder, mfn) >= 0)
        return `vcpus ${holder} and ${xen.vcpus.other_holder(holder, mfn)} have it installed`;
      const owner = xen.frames.owner_of_l4(mfn);
      return owner === holder ? "" : `owner ${owner}, installed on ${holder}`;
    });
  },
);

/** As above. What the other pCPUs have in these slots, they reach by no table of the guest's. */
export const installedL4HasItsPcpusSlots = always(
  "the per-pCPU slots of Xen's in an installed L4 of an audited guest are those of its vCPU's pCPU",
  ({ xen }) => {
    if (xen.exclusive !== "enforce" || xen.pv32) return "";
    for (let vcpu = 0; vcpu < xen.vcpus.nrVcpus; vcpu++) {
      const l3 = xen.pcpus.percpu_l3[xen.vcpus.pcpu[vcpu]!]!;
      for (const l4 of [xen.vcpus.guest_table[vcpu]!, xen.vcpus.guest_table_user[vcpu]!]) {
        const wrong = PERCPU_SLOTS.find((slot) => l4 !== 0 && !xen.tables.has_percpu_slot(l4, slot, l3));
        if (wrong !== undefined) return `vcpu ${vcpu}: l4 mfn ${hexFrame(l4)} slot ${wrong}`;
      }
    }
    return "";
  },
);

export const noExclusiveL4IsLinear = always("under an exclusive audit no entry of an L4 maps an L4", (m) =>
  m.xen.exclusive === "off" || m.xen.pv32
    ? ""
    : entries(m, ({ level, mfn, partial }) =>
        !partial && level === PGT_l4_page_table && m.xen.frames.type[mfn] === PGT_l4_page_table
          ? `it maps l4 mfn ${hexFrame(mfn)}`
          : "",
      ),
);

/**
 * For a design that has roots per vCPU. A pCPU whose vCPU does not run, and has left, is brought up to date when it
 * does.
 */
export const vcpuRootShowsItsL4 = always(
  "a vCPU's own root has the guest's slots, and slot 256, of the L4 that is current, and so has the window",
  ({ xen }) => {
    const { vcpus, pcpus, mem } = xen;
    for (let vcpu = 0; vcpu < vcpus.nrVcpus; vcpu++) {
      const root = vcpus.root[vcpu]!;
      if (root === 0 || vcpus.is_initialised[vcpu] === 0 || pcpus.vcpu[vcpus.pcpu[vcpu]!] !== vcpu) continue;
      const l4 = vcpus.current_table(vcpu);
      if (vcpus.l4_window[vcpu] !== l4)
        return `vcpu ${vcpu}: the window maps ${hexFrame(vcpus.l4_window[vcpu]!)}`;
      for (let slot = 0; slot < mem.ptes; slot++) {
        if (!is_guest_l4_slot(slot) && slot !== RO_MPT_SLOT) continue;
        if (mem.frame(root, slot) !== mem.frame(l4, slot) || mem.flags(root, slot) !== mem.flags(l4, slot))
          return `vcpu ${vcpu}: slot ${slot}`;
      }
    }
    return "";
  },
);
