/**
 * Counts every reference to every frame anew, from the tables and from what holds references outside of them.
 *
 * The plain form beside the audit's increments and decrements: it knows who may hold a reference, and nothing of how
 * they came about. What it counts is what invariants.ts compares with the frame table.
 *
 * Holders (facts/xen.md 1.2, 1.7): the allocation; entries of tables in use; pins; each vCPU's kernel and user table; GDT
 * frames; old_guest_table; PGT_partial; the page lock. Of a partial table the entries below nr_validated_ptes count, and with
 * PTF_partial_set the next one, for a general reference alone.
 */
import { _PAGE_PRESENT, _PAGE_RW } from "../abi/page.js";
import {
  OWNER_guest,
  PGT_l1_page_table,
  PGT_l4_page_table,
  PGT_locked,
  PGT_pae_xen_l2,
  PGT_partial,
  PGT_pinned,
  PGT_validated,
} from "./frame-table.js";
import { PTF_partial_set } from "./page-type.js";
import { is_guest_slot } from "./slots.js";
import type { Xen } from "./xen.js";

/** A present entry, of a table in use, that holds a reference. */
export interface HeldEntry {
  readonly table: number;
  readonly level: number;
  readonly slot: number;
  readonly mfn: number;
  readonly flags: number;
  /** A general reference alone: where a preempted table goes on. */
  readonly partial: boolean;
}

export class Recount {
  /** By frame: general and type references, linear entries, linear uses. */
  readonly count: Uint32Array;
  readonly typeCount: Uint32Array;
  readonly linearEntries: Uint32Array;
  readonly linearUses: Uint32Array;
  readonly entries: HeldEntry[] = [];

  constructor(readonly xen: Xen) {
    const { nrFrames } = xen.frames;
    this.count = new Uint32Array(nrFrames);
    this.typeCount = new Uint32Array(nrFrames);
    this.linearEntries = new Uint32Array(nrFrames);
    this.linearUses = new Uint32Array(nrFrames);
    for (let mfn = 0; mfn < nrFrames; mfn++) this.frame(mfn);
    for (let vcpu = 0; vcpu < xen.vcpus.nrVcpus; vcpu++) this.vcpu(vcpu);
    for (const entry of this.entries) this.entry(entry);
  }

  private frame(mfn: number): void {
    const { frames, mem } = this.xen;
    if (frames.owner[mfn] !== OWNER_guest) return;
    const flags = frames.typeFlags[mfn]!;
    this.count[mfn]! += 1; // PGC_allocated
    if (frames.special[mfn] !== 0) this.both(mfn); // Xen uses it, as a writable page
    if ((flags & PGT_pinned) !== 0) this.both(mfn);
    if ((flags & PGT_locked) !== 0) this.typeCount[mfn]!++;
    const partial = (flags & PGT_partial) !== 0;
    if (partial) this.both(mfn);
    const level = frames.type[mfn]!;
    if (level < PGT_l1_page_table || level > PGT_l4_page_table || frames.typeCount[mfn] === 0) return;
    if (partial) this.table(mfn, level, frames.nr_validated_ptes[mfn]!);
    else if ((flags & PGT_validated) !== 0) this.table(mfn, level, mem.ptes);
    if (partial && (frames.partial_flags[mfn]! & PTF_partial_set) !== 0)
      this.held(mfn, level, frames.nr_validated_ptes[mfn]!, true);
  }

  /** The entries of `table` below `end`. */
  private table(table: number, level: number, end: number): void {
    for (let slot = 0; slot < end; slot++) this.held(table, level, slot, false);
  }

  private held(table: number, level: number, slot: number, partial: boolean): void {
    const { mem, frames } = this.xen;
    const flags = mem.flags(table, slot);
    if ((flags & _PAGE_PRESENT) === 0) return;
    if (level > 1 && !is_guest_slot(this.xen, level, slot, (frames.typeFlags[table]! & PGT_pae_xen_l2) !== 0))
      return;
    this.entries.push({ table, level, slot, mfn: mem.frame(table, slot), flags, partial });
  }

  private vcpu(vcpu: number): void {
    const { vcpus, pv32, mem } = this.xen;
    const { guest_table, guest_table_user, old_guest_table, old_guest_table_partial, gdt } = vcpus;
    const kernel = guest_table[vcpu]!;
    if (pv32) {
      // slot 0 of the L4 that Xen keeps for the vCPU
      if (kernel !== 0 && (mem.flags(kernel, 0) & _PAGE_PRESENT) !== 0) this.both(mem.frame(kernel, 0));
    } else {
      if (kernel !== 0) this.both(kernel);
      if (guest_table_user[vcpu] !== 0) this.both(guest_table_user[vcpu]!);
    }
    const old = old_guest_table[vcpu]!;
    if (old !== 0) {
      this.count[old]!++;
      if (old_guest_table_partial[vcpu] === 0) {
        this.typeCount[old]!++;
        const ptpg = vcpus.old_guest_ptpg[vcpu]!;
        if (ptpg !== 0 && this.xen.frames.type[ptpg] === this.xen.frames.type[old]) this.linear(ptpg, old);
      }
    }
    for (const mfn of gdt.subarray(vcpu * 14, vcpu * 14 + 14)) if (mfn !== 0) this.both(mfn);
  }

  private entry({ table, level, mfn, flags, partial }: HeldEntry): void {
    const { frames } = this.xen;
    if (level === 1) {
      if (!frames.mfn_valid(mfn)) return; // a device's
      this.count[mfn]!++;
      if ((flags & _PAGE_RW) !== 0) this.typeCount[mfn]!++;
      return;
    }
    if (mfn === table || mfn >= frames.nrFrames) return;
    this.count[mfn]!++;
    if (partial) return;
    this.typeCount[mfn]!++;
    if (frames.type[mfn] === level) this.linear(table, mfn);
  }

  private linear(table: number, mfn: number): void {
    this.linearEntries[table]!++;
    this.linearUses[mfn]!++;
  }

  private both(mfn: number): void {
    this.count[mfn]!++;
    this.typeCount[mfn]!++;
  }
}
