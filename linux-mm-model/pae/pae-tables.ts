/**
 * The tables of a 32-bit guest: per mm an L3 of four entries, and its four L2 tables, all there from the start.
 *
 * The rest of the twin thinks in 64-bit addresses, and keeps its L4, L3 and L2 tables as a book of what is mapped, in
 * ordinary memory. What Xen audits and the processor walks are the tables here. The two meet in the L1 tables, which are the
 * same: 2 MiB of user space that have one get a place of 2 MiB below 3 GiB, as long as they have it.
 *
 * Shape: l3    Uint32Array   per mm, frame of the L3; 0 for none
 *        l2    Uint32Array   per mm and slot of the L3
 *        owner Float64Array  per mm and place: which entry of the book's L2 tables it stands for, biased by one
 *        used  Uint32Array   [0] slots of the kernel's L2 in use
 *
 * Mirrors: preallocate_pmds(), pgd_ctor(), arch/x86/mm/pgtable.c, of Linux 5.8 for PAE: on Xen the kernel's L2 is no mm's to
 *          share (SHARED_KERNEL_PMD), as slot 3 asks for. Linux 5.9 dropped 32-bit PV.
 * Differs: where a program of 32 bits would have its memory is not known; so places are given in order of asking.
 */
import { mfn } from "../../abi/frames.js";
import { _PAGE_PRESENT } from "../../abi/page.js";
import type { State } from "../../abi/state.js";
import type { LinuxConfig } from "../config.js";
import type { Linux } from "../linux.js";
import { INIT_MM } from "../mm-struct.js";
import { table_of } from "../pgtable.js";
import { _PAGE_TABLE } from "../xen/prot.js";

/** Slots of an L3: three of user space, one of the kernel. */
export const PTRS_PER_PGD = 4;
export const KERNEL_SLOT = 3;
/** Places of 2 MiB below 3 GiB. */
const PLACES = KERNEL_SLOT * 512;
/** The kernel's share of its L2; Xen has the rest (0xf5800000 on). */
const KERNEL_L2_SLOTS = 428;
/** First page of the kernel's: low memory, mapped from frame 0. */
export const LOW_MEMORY_PAGE = 0xc0000;
const GONE = -1;

export class PaeTables {
  readonly l3: Uint32Array;
  readonly l2: Uint32Array;
  private readonly owner: Float64Array;
  private readonly used: Uint32Array;

  constructor(state: State, config: LinuxConfig) {
    this.l3 = state.u32(config.maxMms);
    this.l2 = state.u32(config.maxMms * PTRS_PER_PGD);
    this.owner = state.f64(config.maxMms * PLACES);
    this.used = state.u32(1);
  }

  /** Put L1 tables in init_mm's kernel L2: those of low memory, in order, and others behind. */
  map_kernel(k: Linux, lowMemory: readonly number[], others: readonly number[]): void {
    const kernel = this.l2[INIT_MM * PTRS_PER_PGD + KERNEL_SLOT]!;
    for (const l1 of [...lowMemory, ...others]) k.memory.set(kernel, this.used[0]!++, l1, _PAGE_TABLE);
  }

  /** L3 and L2 tables for `mm`, with the kernel's mappings of now. */
  alloc(k: Linux, mm: number): void {
    const { memory } = k;
    const l3 = new_frame(k);
    this.l3[mm] = l3;
    for (let slot = 0; slot < PTRS_PER_PGD; slot++) {
      const l2 = new_frame(k);
      this.l2[mm * PTRS_PER_PGD + slot] = l2;
      memory.set(l3, slot, l2, _PAGE_PRESENT);
    }
    this.owner.fill(0, mm * PLACES, (mm + 1) * PLACES);
    if (mm === INIT_MM) return;
    const from = memory.at(this.l2[INIT_MM * PTRS_PER_PGD + KERNEL_SLOT]!, 0);
    const to = memory.at(this.l2[mm * PTRS_PER_PGD + KERNEL_SLOT]!, 0);
    memory.words.copyWithin(to, from, from + KERNEL_L2_SLOTS * 2);
  }

  /** Free what alloc() made. */
  free(k: Linux, mm: number): void {
    for (let slot = 0; slot < PTRS_PER_PGD; slot++) k.pages.put_page(this.l2[mm * PTRS_PER_PGD + slot]!);
    k.pages.put_page(this.l3[mm]!);
    this.l3[mm] = 0;
  }

  /** Page under which the processor finds `page` of `mm`; -1 while it has no L1 table. */
  page_of(k: Linux, mm: number, page: number): number {
    const table = table_of(k, mm, page, 2);
    if (table === 0) return -1;
    const place = this.find(mm, entry_of(table, (page >>> 9) & 511));
    return place < 0 ? -1 : place * 512 + (page & 511);
  }

  /** Place of entry `slot` of the book's L2 table `table`, given if it has none. */
  place(mm: number, table: number, slot: number): number {
    const entry = entry_of(table, slot);
    const old = this.find(mm, entry);
    if (old >= 0) return old;
    const first = mm * PLACES;
    for (let i = 0, place = entry % PLACES; i < PLACES; i++, place = (place + 1) % PLACES) {
      const owner = this.owner[first + place]!;
      if (owner !== 0 && owner !== GONE) continue;
      this.owner[first + place] = entry;
      return place;
    }
    throw new RangeError(`PaeTables: mm ${mm} has more than ${PLACES} L1 tables; it does not fit in 3 GiB`);
  }

  /** The entry has gone; its place is free. Returns it, -1 if it had none. */
  leave(mm: number, table: number, slot: number): number {
    const place = this.find(mm, entry_of(table, slot));
    if (place >= 0) this.owner[mm * PLACES + place] = GONE;
    return place;
  }

  /** One more slot of the kernel's L2, of all mms. */
  kernel_place(): number {
    if (this.used[0]! >= KERNEL_L2_SLOTS) throw new RangeError("PaeTables: the kernel's GiB is full");
    return this.used[0]!++;
  }

  private find(mm: number, entry: number): number {
    const first = mm * PLACES;
    for (let i = 0, place = entry % PLACES; i < PLACES; i++, place = (place + 1) % PLACES) {
      const owner = this.owner[first + place]!;
      if (owner === entry) return place;
      if (owner === 0) return -1;
    }
    return -1;
  }
}

function entry_of(table: number, slot: number): number {
  return table * 512 + slot + 1;
}

function new_frame(k: Linux): number {
  const frame = k.pages.alloc_table();
  k.memory.clear_page(mfn(frame));
  return frame;
}
