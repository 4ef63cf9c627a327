/**
 * What must be so in Xen's frame table after every hypercall, and between the entries of a preempted one.
 *
 * Each invariant is looked at in full, from the tables: see recount.ts. It says where it is broken, or nothing.
 *
 * Mirrors: the head comment of xen/arch/x86/mm.c; struct page_info, asm/mm.h (facts/xen.md 1.1, 1.2, 1.6).
 */
import { LINEAR_PT_SLOT } from "../abi/layout.js";
import {
  _PAGE_GLOBAL,
  _PAGE_PCD,
  _PAGE_PRESENT,
  _PAGE_PSE,
  _PAGE_PWT,
  _PAGE_RW,
  _PAGE_USER,
} from "../abi/page.js";
import { hexFrame } from "./audit-log.js";
import {
  OWNER_guest,
  PGT_l1_page_table,
  PGT_l4_page_table,
  PGT_l3_page_table,
  PGT_locked,
  PGT_partial,
  PGT_pinned,
  PGT_validated,
  PGT_writable_page,
  TYPE_NAMES,
} from "./frame-table.js";
import { always, entries, frames, type Invariant } from "./invariant.js";
import {
  installedL4HasItsPcpusSlots,
  l4OwnerHasItInstalled,
  loadedTablesAreAudited,
  noExclusiveL4IsLinear,
  vcpuRootShowsItsL4,
  xenSlotsAreXens,
} from "./l4-invariants.js";
import { is_page_table } from "./page-type.js";
import { Recount } from "./recount.js";
import type { Xen } from "./xen.js";

export const typeCountIsSumOfReferences = always(
  "the type count of a frame is the number of its uses: entries, pins, loaded tables, PGT_partial, old_guest_table",
  (m) =>
    frames(m, (mfn) => {
      const has = m.xen.frames.typeCount[mfn]!;
      return has === m.typeCount[mfn] ? "" : `type count ${has}, uses ${m.typeCount[mfn]}`;
    }),
);

export const countIsSumOfReferences = always(
  "the general count of a frame is the number of its holders, PGC_allocated among them",
  (m) =>
    frames(m, (mfn) => {
      const has = m.xen.frames.count[mfn]!;
      return has === m.count[mfn] ? "" : `count ${has}, holders ${m.count[mfn]}`;
    }),
);

/** The core of PV memory safety. */
export const writableMapsOnlyWritableFrames = always(
  "every present L1 entry with _PAGE_RW maps a PGT_writable_page frame, or a device",
  (m) =>
    entries(m, ({ level, mfn, flags }) => {
      if (level !== 1 || (flags & _PAGE_RW) === 0 || !m.xen.frames.mfn_valid(mfn)) return "";
      const type = m.xen.frames.type[mfn]!;
      return type === PGT_writable_page ? "" : `it maps ${hexFrame(mfn)}, ${TYPE_NAMES[type]}, writable`;
    }),
);

export const linearMappingsAreReadOnly = always(
  "an entry above L1 that maps a table of its own level has no _PAGE_RW",
  (m) =>
    entries(m, ({ level, table, mfn, flags }) => {
      if (level === 1 || (flags & _PAGE_RW) === 0) return "";
      if (mfn !== table && m.xen.frames.type[mfn] !== level) return "";
      return `it maps ${hexFrame(mfn)}, of the same level, writable`;
    }),
);

/** Of a 64-bit guest; a PAE L3 is the L1 of nothing. */
export const entriesPointToTheLevelBelow = always(
  "an entry above L1 maps a frame of the guest's that is in use as the level below, or linearly as its own",
  (m) =>
    entries(m, ({ level, table, mfn, partial }) => {
      if (level === 1 || mfn === table) return "";
      const { owner, type, typeCount } = m.xen.frames;
      if (mfn >= m.xen.frames.nrFrames || owner[mfn] !== OWNER_guest)
        return `${hexFrame(mfn)} is not the guest's`;
      if (partial) return "";
      if (typeCount[mfn] === 0) return `${hexFrame(mfn)} has no use`;
      const linear = type[mfn] === level && !(m.xen.pv32 && level === PGT_l3_page_table);
      return type[mfn] === level - 1 || linear
        ? ""
        : `${hexFrame(mfn)} is in use as ${TYPE_NAMES[type[mfn]!]}`;
    }),
);

const UPPER_DISALLOWED = _PAGE_PWT | _PAGE_PCD | _PAGE_PSE | _PAGE_GLOBAL;

export const upperEntriesHaveAllowedFlags = always(
  "a present entry above L1 has none of PWT, PCD, PSE and G",
  (m) =>
    entries(m, ({ level, flags }) => {
      const bad = flags & UPPER_DISALLOWED;
      return level === 1 || bad === 0 ? "" : `flags ${hexFrame(bad)}`;
    }),
);

/** The entry at which an audit stopped has not got it yet. */
export const entriesAreTheGuests = always(
  "a 64-bit guest's audited entry has _PAGE_USER, as both its modes run in ring 3",
  (m) =>
    m.xen.pv32
      ? ""
      : entries(m, ({ flags, partial }) => (partial || (flags & _PAGE_USER) !== 0 ? "" : "no _PAGE_USER")),
);

export const linearCountIsRight = always(
  "linear_pt_count of a table in use is its linear entries, or minus its linear uses",
  (m) =>
    frames(m, (mfn) => {
      if (m.xen.frames.typeCount[mfn] === 0 || !is_page_table(m.xen.frames.type[mfn]!)) return "";
      const has = m.xen.frames.linear_pt_count[mfn]!;
      const counted = m.linearEntries[mfn]! - m.linearUses[mfn]!;
      return has === counted ? "" : `linear_pt_count ${has}, counted ${counted}`;
    }),
);

export const linearUseIsOneLevelDeep = always(
  "no table has linear entries and is used linearly, so that no walk of them recurses",
  (m) =>
    frames(m, (mfn) => {
      const [own, uses] = [m.linearEntries[mfn]!, m.linearUses[mfn]!];
      return own === 0 || uses === 0 ? "" : `${own} linear entries and ${uses} uses`;
    }),
);

export const partialOwnsItsReference = always(
  "a PGT_partial table has type count 1, is not PGT_validated, and has audited some of its entries",
  (m) =>
    frames(m, (mfn) => {
      const { typeFlags, typeCount, nr_validated_ptes, partial_flags, type } = m.xen.frames;
      if ((typeFlags[mfn]! & PGT_partial) === 0) return "";
      if (typeCount[mfn] !== 1) return `type count ${typeCount[mfn]}`;
      if ((typeFlags[mfn]! & PGT_validated) !== 0) return "PGT_validated too";
      if (type[mfn]! <= PGT_l1_page_table || type[mfn]! > PGT_l4_page_table) return "it cannot be preempted";
      const n = nr_validated_ptes[mfn]!;
      return n > m.xen.mem.ptes || (n === 0 && partial_flags[mfn] === 0) ? `${n} entries audited` : "";
    }),
);

export const usedMeansAudited = always(
  "a frame with uses is PGT_validated or PGT_partial, and a table without is neither",
  (m) =>
    frames(m, (mfn) => {
      const { typeFlags, typeCount, type } = m.xen.frames;
      const audited = (typeFlags[mfn]! & (PGT_validated | PGT_partial)) !== 0;
      if (typeCount[mfn] !== 0) return audited ? "" : "in use without an audit";
      return audited && is_page_table(type[mfn]!) ? "audited, without uses" : "";
    }),
);

export const nothingStaysLocked = always("no frame is PGT_locked between two entries into Xen", (m) =>
  frames(m, (mfn) => ((m.xen.frames.typeFlags[mfn]! & PGT_locked) === 0 ? "" : "locked")),
);

export const pinnedIsInUse = always("a pinned frame is a table in use", (m) =>
  frames(m, (mfn) => {
    if ((m.xen.frames.typeFlags[mfn]! & PGT_pinned) === 0) return "";
    const table = is_page_table(m.xen.frames.type[mfn]!) && m.xen.frames.typeCount[mfn] !== 0;
    return table ? "" : `pinned with type count ${m.xen.frames.typeCount[mfn]}`;
  }),
);

/** Nontrivial with XenConfig.tlb only. */
export const noStaleWritableTranslation = always(
  "no pCPU has a writable translation of the guest's to a frame that is in use as a table or for descriptors",
  (m) => {
    const { tlb, pcpus, frames } = m.xen;
    let place = "";
    for (let pcpu = 0; pcpu < pcpus.nrPcpus; pcpu++) {
      tlb?.forEach(pcpu, (vpn, _level, frame, leaf) => {
        if ((leaf & (_PAGE_RW | _PAGE_USER)) !== (_PAGE_RW | _PAGE_USER) || !frames.mfn_valid(frame)) return;
        const type = frames.type[frame]!;
        if (frames.typeCount[frame] === 0 || type === PGT_writable_page) return;
        place = `pcpu ${pcpu}: page ${hexFrame(vpn)} to mfn ${hexFrame(frame)} (${TYPE_NAMES[type]})`;
      });
    }
    return place;
  },
);

/** Nontrivial with XenConfig.tlb only. */
export const linearMapIsFresh = always(
  "what a pCPU has cached of Xen's linear map is what the tables say now",
  (m) => {
    const { tlb, pcpus, mem } = m.xen;
    const pages = mem.ptes ** 3;
    let place = "";
    for (let pcpu = 0; pcpu < pcpus.nrPcpus; pcpu++) {
      tlb?.forEach(pcpu, (vpn, _level, frame) => {
        if (Math.floor(vpn / pages) !== LINEAR_PT_SLOT || m.xen.processor.walk_in_xen(pcpu, vpn) === frame)
          return;
        place = `pcpu ${pcpu}: linear page ${hexFrame(vpn)} to mfn ${hexFrame(frame)}`;
      });
    }
    return place;
  },
);

export const tablesAreCoherent = always(
  "memory and caches agree on a frame that is in use as other than a writable page",
  (m) =>
    frames(m, (mfn) => {
      const { incoherent, typeCount, type } = m.xen.frames;
      const stale = incoherent[mfn] !== 0 && typeCount[mfn] !== 0 && type[mfn] !== PGT_writable_page;
      return stale ? "written past the caches" : "";
    }),
);

export const xenTakesNoFault = always("no instruction of Xen's own raises an exception", (m) =>
  m.xen.observed.host_faults() === 0 ? "" : `${m.xen.observed.host_faults()} exceptions`,
);

export const hypercallsRunOnKernelTables = always(
  "a hypercall runs on the tables of the guest's kernel mode",
  (m) =>
    m.xen.observed.hypercalls_on_user_tables() === 0
      ? ""
      : `${m.xen.observed.hypercalls_on_user_tables()} did not`,
);

/** A table's entries, and some of its parents'. Nontrivial with XenConfig.preempt only. */
const LONGEST = 600;

export const workIsPreemptible = always(
  `no more than ${LONGEST} entries above L1 are audited or dropped between two looks at pending work`,
  (m) =>
    m.xen.observed.longest_unpreempted() <= LONGEST ? "" : `${m.xen.observed.longest_unpreempted()} entries`,
);

/** All of them, in the order in which a report looks. */
export const INVARIANTS: Readonly<Record<string, Invariant>> = {
  typeCountIsSumOfReferences,
  countIsSumOfReferences,
  writableMapsOnlyWritableFrames,
  linearMappingsAreReadOnly,
  entriesPointToTheLevelBelow,
  upperEntriesHaveAllowedFlags,
  entriesAreTheGuests,
  linearCountIsRight,
  linearUseIsOneLevelDeep,
  partialOwnsItsReference,
  usedMeansAudited,
  nothingStaysLocked,
  pinnedIsInUse,
  loadedTablesAreAudited,
  xenSlotsAreXens,
  l4OwnerHasItInstalled,
  installedL4HasItsPcpusSlots,
  noExclusiveL4IsLinear,
  vcpuRootShowsItsL4,
  noStaleWritableTranslation,
  linearMapIsFresh,
  tablesAreCoherent,
  xenTakesNoFault,
  hypercallsRunOnKernelTables,
  workIsPreemptible,
};

/** The names of the invariants that do not hold, with the place: "NAME: mfn 0x210 (l2): ...". */
export function brokenInvariants(xen: Xen): string[] {
  const m = new Recount(xen);
  return Object.entries(INVARIANTS).flatMap(([name, { broken }]) => {
    const place = broken(m);
    return place === "" ? [] : [`${name}: ${place}`];
  });
}
