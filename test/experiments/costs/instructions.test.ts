import { expect } from "chai";
import type { EventCounts } from "../../../abi/ledger.js";
import { readProfile } from "../../../experiments/costs/profile.js";
import { boundsOf, coefficientsOf } from "../../../experiments/costs/terms.js";

/** Requests of one mmu_update that lie in different tables take 50 more than in one, each time; no event says so. */
const OTHER_TABLE = 50;

/**
 * Hypercalls, faults and system calls as sums of events, and the instructions that Xen 4.17.7+13 (Debian, release build)
 * executed for them under QEMU TCG with -icount shift=0, mitigations at their default: medians, without PCID.
 */
const PRIMITIVES: readonly (readonly [string, EventCounts, number])[] = [
  ["null hypercall", { xen_version: 1 }, 307],
  ["mmu_update of 1 L1 entry, set RW", { mmu_update: 1, l1e_set: 1 }, 986],
  ["mmu_update of 8 L1 entries, set RW", { mmu_update: 1, l1e_set: 8 }, 4822],
  ["mmu_update of 1 L1 entry, RW to RO", { mmu_update: 1, l1e_changed: 1 }, 1079],
  ["mmu_update of an L2 entry, set", { mmu_update: 1, l2e_set: 1, tlb_flush_domain: 1 }, 1061],
  ["mmu_update of an L2 entry, clear", { mmu_update: 1, l2e_cleared: 1, tlb_flush_domain: 1 }, 1433],
  ["mmu_update of two entries of one L4", { mmu_update: 1, l4e_set: 2, tlb_flush_domain: 1 }, 1550],
  ["update_va_mapping, RW to RO", { update_va_mapping: 1, l1e_changed: 1 }, 904],
  ["pin of an L4 with 4 validated L3s", { mmuext_op: 1, promote_l4: 1, audit_present_l4: 4 }, 8630],
  ["unpin of the same", { mmuext_op: 1, demote_l4: 1, demote_present_l4: 4 }, 11677],
  ["pin of an L1 with 512 RW entries", { mmuext_op: 1, promote_l1: 1, audit_present_l1: 512 }, 105700],
  ["NEW_BASEPTR", { mmuext_op: 1, new_baseptr: 1, cr3_write: 1, cr4_write: 2 }, 1076],
  ["NEW_BASEPTR of the same L4", { mmuext_op: 1, new_baseptr_same: 1, cr3_write: 1, cr4_write: 2 }, 638],
  ["NEW_USER_BASEPTR", { mmuext_op: 1, new_user_baseptr: 1 }, 687],
  [
    "both base pointers in one mmuext_op",
    { mmuext_op: 1, new_baseptr: 1, new_user_baseptr: 1, cr3_write: 1, cr4_write: 2 },
    1396,
  ],
  ["user system call and back", { syscall_entry: 1, iret: 1, cr3_write: 2 }, 762],
  ["user #PF reflected, and iret", { page_fault: 1, iret: 1, cr3_write: 2 }, 908],
  ["kernel #PF reflected, and iret", { page_fault: 1, iret_kernel: 1 }, 783],
  ["emulated L1 write, set RW", { ptwr_emulation: 1, l1e_set: 1 }, 1707],
  ["null hypercall under XPTI", { xen_version: 1, cr3_write: 2 }, 316],
  [
    "user system call under XPTI",
    { syscall_entry: 1, iret: 1, cr3_write: 6, l4_copy: 2, l4_window: 2, invlpg: 2 },
    1968,
  ],
  [
    "user system call under XPTI with PCID",
    { syscall_entry: 1, iret: 1, cr3_write: 6, l4_copy: 2, l4_window: 2, invpcid_one: 8 },
    2020,
  ],
  [
    "NEW_BASEPTR of the same L4 under XPTI",
    { mmuext_op: 1, new_baseptr_same: 1, cr3_write: 3, l4_copy: 1 },
    1156,
  ],
];

describe("the profile instructions", () => {
  const profile = readProfile("instructions");

  for (const [what, counts, instructions] of PRIMITIVES) {
    it(`prices "${what}" at the ${instructions} instructions that Xen executed`, () => {
      expect(boundsOf(profile, coefficientsOf(profile, counts))).to.deep.equal({
        low: instructions,
        likely: instructions,
        high: instructions,
      });
    });
  }

  it(`is ${OTHER_TABLE} instructions short of an mmu_update of a kernel and a user L4 entry, which Xen does in 1,600`, () => {
    const counts: EventCounts = { mmu_update: 1, l4e_set: 2, tlb_flush_domain: 1 };
    expect(boundsOf(profile, coefficientsOf(profile, counts)).likely + OTHER_TABLE).to.equal(1600);
  });
});
