/**
 * What must be so on a machine between two events: the promise, and the illusion that it is kept behind.
 *
 * Numbers are those of the hazards of non-shared top-level tables; see linux-mm-model/top-level/. A recording's
 * events, generated work and tests look at the same predicates. Each says where it is broken, or nothing.
 */
import { is_guest_l4_slot } from "../abi/layout.js";
import { _PAGE_PRESENT } from "../abi/page.js";
import { INIT_MM } from "../linux-mm-model/mm-struct.js";
import { KERNEL_SLOT, PTRS_PER_PGD } from "../linux-mm-model/pae/pae-tables.js";
import { xen_page_pinned } from "../linux-mm-model/xen/set-entries.js";
import { pgd_list } from "../linux-mm-model/xen/suspend.js";
import { PGT_l4_page_table, PGT_pinned } from "../xen-model/frame-table.js";
import type { Machine } from "./machine.js";

/** A named predicate: `says` is the sentence that a report prints; `broken` tells where it is not so, or "". */
export interface MachineInvariant {
  readonly says: string;
  readonly broken: (m: Machine) => string;
}

const always = (says: string, broken: (m: Machine) => string): MachineInvariant => ({ says, broken });

const hex = (mfn: number): string => `0x${mfn.toString(16)}`;

/** I-3, as seen by the processors: only what is in %cr3 counts, whatever the guest thinks it loaded. */
export const onePcpuPerL4InGuest = always(
  "no two pCPUs have the same L4 in %cr3 while they run their guests",
  (m) => samePair(m, (pcpu) => m.guest_cr3(pcpu)),
);

export const onePcpuPerL4InXen = always(
  "no two pCPUs have the same L4 in %cr3 while Xen runs on them for a guest",
  (m) => samePair(m, (pcpu) => m.xen_cr3(pcpu)),
);

/** Tables of init_mm apart, on which vCPUs start: what a process brings two pCPUs to. */
export const onePcpuPerUserL4 = always(
  "no two pCPUs have the same L4 of a process in %cr3, in the guest or in Xen",
  (m) => {
    const { loaded_mm } = m.linux.percpu;
    const ofProcess = (pcpu: number, l4: number) =>
      pcpu >= m.linux.config.nrCpus || loaded_mm[pcpu] === INIT_MM ? -1 - pcpu : l4;
    const inGuest = samePair(m, (pcpu) => ofProcess(pcpu, m.guest_cr3(pcpu)));
    return inGuest !== "" ? inGuest : samePair(m, (pcpu) => ofProcess(pcpu, m.xen_cr3(pcpu)));
  },
);

function samePair(m: Machine, cr3: (pcpu: number) => number): string {
  const { nrPcpus } = m;
  for (let p = 0; p < nrPcpus; p++) {
    for (let q = p + 1; q < nrPcpus; q++)
      if (cr3(p) === cr3(q) && cr3(p) !== 0) return `pCPU ${p} and pCPU ${q}: ${hex(cr3(p))}`;
  }
  return "";
}

/** I-2, I-14: both L4s that a vCPU has installed map what the mm that it runs on says, or leave it to a fault. */
export const tablesShowTheReference = always(
  "every user slot of the L4s that a vCPU runs on is the reference's, or empty where the design lets it fault",
  (m) => {
    const { linux, xen } = m;
    if (linux.pae !== undefined) return ""; // l2TablesShowTheBook
    const lazily = m.config.proposal.linux.sync === "fault";
    for (let vcpu = 0; vcpu < linux.config.nrCpus; vcpu++) {
      const mm = linux.percpu.loaded_mm[vcpu]!;
      if (linux.percpu.online[vcpu] === 0 || mm < INIT_MM) continue;
      for (const l4 of [xen.vcpus.guest_table[vcpu]!, xen.vcpus.guest_table_user[vcpu]!]) {
        const what = l4 === 0 ? "" : differs(m, l4, linux.mms.pgd[mm]!, lazily);
        if (what !== "") return `vcpu ${vcpu}, mm ${mm}: ${what}`;
      }
    }
    return "";
  },
);

function differs(m: Machine, l4: number, reference: number, lazily: boolean): string {
  const { memory } = m;
  for (let slot = 0; slot < memory.ptes / 2; slot++) {
    const is = present(m, l4, slot);
    const should = present(m, reference, slot);
    if (is === should || (lazily && is === 0)) continue;
    return `L4 ${hex(l4)} slot ${slot} is ${hex(is)}, the reference ${hex(should)}`;
  }
  return "";
}

/** Frame of a present entry, 0 for one that is not: an entry is its table, flags may differ (I-2, I-17). */
function present(m: Machine, l4: number, slot: number): number {
  return (m.memory.flags(l4, slot) & _PAGE_PRESENT) === 0 ? 0 : m.memory.frame(l4, slot);
}

/** Of a 32-bit guest, in place of the one above: its book of L2 tables is not what the processor walks. */
export const l2TablesShowTheBook = always(
  "every L1 table that the mm of a vCPU has is in the L2 tables that the vCPU runs on, and no other is in its user half",
  (m) => {
    const { linux, memory } = m;
    const { pae } = linux;
    if (pae === undefined) return "";
    for (let vcpu = 0; vcpu < linux.config.nrCpus; vcpu++) {
      const mm = linux.percpu.loaded_mm[vcpu]!;
      if (linux.percpu.online[vcpu] === 0 || mm < INIT_MM || linux.mms.used[mm] === 0) continue;
      let there = 0;
      for (let place = 0; place < KERNEL_SLOT * 512; place++)
        there +=
          memory.flags(pae.l2[mm * PTRS_PER_PGD + Math.floor(place / 512)]!, place % 512) & _PAGE_PRESENT;
      if (there !== linux.mms.nr_ptes[mm]) return `mm ${mm}: ${there} of ${linux.mms.nr_ptes[mm]} L1 tables`;
      const loaded = memory.frame(m.xen.vcpus.guest_table[vcpu]!, 0);
      if (loaded !== pae.l3[mm])
        return `vcpu ${vcpu}: L3 ${hex(loaded)}, not ${hex(pae.l3[mm]!)} of mm ${mm}`;
    }
    return "";
  },
);

/** I-10. With faults as the policy for kernel slots, an empty one is mended when it is touched. */
export const kernelHalfIsComplete = always(
  "every kernel-mode L4 of the guest has swapper_pg_dir's kernel half, or may fault",
  (m) => {
    const { linux } = m;
    if (linux.config.kernelSync === "fault") return "";
    const swapper = linux.mms.pgd[INIT_MM]!;
    const kernel: number[] = [];
    for (let mm = INIT_MM + 1; mm < linux.mms.max; mm++) {
      if (linux.mms.used[mm] !== 0 && linux.mms.pgd[mm] !== 0) kernel.push(linux.mms.pgd[mm]!);
    }
    linux.top.replicas(linux, (pgd) => kernel.push(pgd));
    for (const l4 of kernel) {
      for (let slot = m.memory.ptes / 2; slot < m.memory.ptes; slot++) {
        if (!is_guest_l4_slot(slot) || present(m, l4, slot) === present(m, swapper, slot)) continue;
        return `L4 ${hex(l4)} slot ${slot}: ${hex(present(m, l4, slot))}`;
      }
    }
    return "";
  },
);

/** I-16: what the toolstack has to rewrite at a migration, Linux can name. */
export const everyTypedL4IsListed = always(
  "every frame that Xen types as an L4 by the guest's own pin is on Linux's list of top-level tables",
  (m) => {
    const listed = new Set(pgd_list(m.linux));
    const { type, typeFlags, nrFrames } = m.xen.frames;
    for (let mfn = 0; mfn < nrFrames; mfn++) {
      if (type[mfn] !== PGT_l4_page_table || (typeFlags[mfn]! & PGT_pinned) === 0) continue;
      if (!listed.has(mfn)) return `mfn ${hex(mfn)}`;
    }
    return "";
  },
);

/** I-15: alloc_table() asks the reference whether new tables must be read-only. */
export const referenceIsMarkedPinned = always(
  "an mm is pinned if and only if its reference top level is marked so, and Xen has it pinned",
  (m) => {
    const { linux, xen } = m;
    for (let mm = INIT_MM; mm < linux.mms.max; mm++) {
      const pgd = linux.pae === undefined ? linux.mms.pgd[mm]! : linux.pae.l3[mm]!;
      if (linux.mms.used[mm] === 0 || pgd === 0) continue;
      const marked = xen_page_pinned(linux, pgd);
      const pinned = (xen.frames.typeFlags[pgd]! & PGT_pinned) !== 0;
      if (marked !== pinned || pinned !== (linux.mms.pinned[mm] !== 0)) {
        return `mm ${mm}, pgd ${hex(pgd)}: PagePinned ${marked}, PGT_pinned ${pinned}`;
      }
    }
    return "";
  },
);

/** I-1: a table that is still referred to when it becomes writable makes Xen refuse, and Linux warn. */
export const noHypercallFails = always("no hypercall of Linux fails", (m) => {
  const failed = m.ledger.total("hypercall_failed");
  return failed === 0 ? "" : `${failed} calls failed`;
});

/** The exclusive audit, in the guest's words: who keeps to one vCPU per L4 never hears of it. */
export const nothingIsRefused = always(
  "no installation of an L4 is refused by the exclusive audit, or would be",
  (m) => (m.xen.refused() === 0 ? "" : `${m.xen.refused()} installations`),
);

/** What every design owes, whether or not it keeps the promise. */
export const ILLUSION: readonly MachineInvariant[] = [
  tablesShowTheReference,
  l2TablesShowTheBook,
  kernelHalfIsComplete,
  everyTypedL4IsListed,
  referenceIsMarkedPinned,
  noHypercallFails,
];
