/**
 * The translations that each pCPU has cached, and what drops them.
 *
 * An entry lives from the walk that made it to an operation that must invalidate it, or to its replacement;
 * edits of pagetables do not touch it. So what software forgot to flush is still found here.
 *
 * Mirrors: SDM vol. 3A, 4.10.1 (PCIDs), 4.10.2 (TLBs), 4.10.4 (invalidation).
 * Differs: one TLB for fetches and data; no paging-structure caches; a superpage is cached whole. A real
 *          processor may drop an entry at any time, and may keep fewer or more than these.
 */
import type { Mfn, PcpuId, Vpn } from "../../abi/frames.js";
import { _PAGE_GLOBAL } from "../../abi/page.js";
import type { State } from "../../abi/state.js";
import { RIGHTS_MASK, _PAGE_PKEY } from "./access-rights.js";
import type { WalkControl } from "./control.js";
import type { Walk } from "./walk.js";

export interface TlbGeometry {
  readonly nrCpus: number;
  /** A power of two. */
  readonly sets: number;
  readonly ways: number;
  /** Entries of a pagetable, which give superpages their size. */
  readonly ptes: number;
}

/** Types of INVPCID. Mirrors: INVPCID_*, xen/arch/x86/include/asm/invpcid.h. */
export const INVPCID_INDIV_ADDR = 0;
export const INVPCID_SINGLE_CTXT = 1;
export const INVPCID_ALL_INCL_GLOBAL = 2;
export const INVPCID_ALL_NON_GLOBAL = 3;

/** Leaves are in levels 1 (4 KiB) to 3 (1 GiB). */
const LEAF_LEVELS = 3;

/**
 * Shape: nrCpus * sets * ways rows; those of one set are neighbours.
 *   page   Float64Array  number of the page, in pages of its own size: up to 45 bits
 *   frame  Float64Array  its first frame, up to 40 bits
 *   leaf   Uint32Array   flags: the path's rights, and the leaf's other bits as the walk left them
 *   pcid   Uint16Array   the context that made the entry
 *   level  Uint8Array    of the leaf; 0: the row is empty
 *   next   Uint8Array    (nrCpus * sets) the way to be replaced next
 */
export class Tlb {
  private readonly page: Float64Array;
  private readonly frame: Float64Array;
  private readonly leaf: Uint32Array;
  private readonly pcid: Uint16Array;
  private readonly level: Uint8Array;
  private readonly next: Uint8Array;
  /** Pages that a leaf maps, by level. */
  private readonly pages: readonly number[];

  constructor(
    state: State,
    readonly geometry: TlbGeometry,
  ) {
    const { nrCpus, sets, ways, ptes } = geometry;
    if (!Number.isInteger(Math.log2(sets))) throw new RangeError(`Tlb: ${sets} sets; give a power of two`);
    const rows = nrCpus * sets * ways;
    this.page = state.f64(rows);
    this.frame = state.f64(rows);
    this.leaf = state.u32(rows);
    this.pcid = state.u16(rows);
    this.level = state.u8(rows);
    this.next = state.u8(nrCpus * sets);
    this.pages = [0, 1, ptes, ptes * ptes];
  }

  /**
   * Translate page `vpn` in context `pcid` from what is cached: fills all of `out` but `at` and returns true, or
   * returns false and leaves `out` alone. Whether the rights permit the access is the caller's question.
   */
  lookup(cpu: PcpuId, pcid: number, vpn: Vpn, out: Walk): boolean {
    for (let level = 1; level <= LEAF_LEVELS; level++) {
      const page = this.pageOf(vpn, level);
      const row = this.find(cpu, pcid, page, level);
      if (row < 0) continue;
      out.frame = (this.frame[row]! + (vpn - page * this.pages[level]!)) as Mfn;
      out.level = level;
      out.rights = this.leaf[row]! & (RIGHTS_MASK | _PAGE_PKEY);
      out.leaf = this.leaf[row]!;
      return true;
    }
    return false;
  }

  /** Cache what `walk` found for `vpn`. A translation of the same page and size is replaced. */
  fill(cpu: PcpuId, pcid: number, vpn: Vpn, c: WalkControl, walk: Walk): void {
    const { level } = walk;
    const page = this.pageOf(vpn, level);
    const same = this.find(cpu, pcid, page, level);
    const row = same >= 0 ? same : this.victim(cpu, page);
    this.page[row] = page;
    this.frame[row] = walk.frame - (vpn - page * this.pages[level]!);
    this.leaf[row] = (walk.leaf & ~(RIGHTS_MASK | (c.pge ? 0 : _PAGE_GLOBAL))) | walk.rights;
    this.pcid[row] = pcid;
    this.level[row] = level;
  }

  /** MOV to CR3: the non-global entries of the new context go, unless bit 63 (`noflush`) keeps them. */
  mov_to_cr3(cpu: PcpuId, pcid: number, noflush: boolean): void {
    if (!noflush) this.drop(cpu, (row) => this.pcid[row] === pcid && !this.isGlobal(row));
  }

  /** MOV to CR4 that changes PGE, or clears PCIDE: all entries go, global ones too. */
  mov_to_cr4(cpu: PcpuId): void {
    this.drop(cpu, () => true);
  }

  /** INVLPG: the address goes from the current context, and as a global entry from every context. */
  invlpg(cpu: PcpuId, pcid: number, vpn: Vpn): void {
    for (let level = 1; level <= LEAF_LEVELS; level++) {
      const page = this.pageOf(vpn, level);
      let row: number;
      while ((row = this.find(cpu, pcid, page, level)) >= 0) this.clear(row);
    }
  }

  /** INVPCID: `pcid` and `vpn` count for the types that have them. */
  invpcid(cpu: PcpuId, type: number, pcid: number, vpn: Vpn): void {
    switch (type) {
      case INVPCID_INDIV_ADDR:
        return this.drop(
          cpu,
          (row) => this.pcid[row] === pcid && !this.isGlobal(row) && this.covers(row, vpn),
        );
      case INVPCID_SINGLE_CTXT:
        return this.drop(cpu, (row) => this.pcid[row] === pcid && !this.isGlobal(row));
      case INVPCID_ALL_INCL_GLOBAL:
        return this.drop(cpu, () => true);
      case INVPCID_ALL_NON_GLOBAL:
        return this.drop(cpu, (row) => !this.isGlobal(row));
      default:
        throw new RangeError(`Tlb: INVPCID has no type ${type}; give 0..3`);
    }
  }

  /** What `cpu` has cached: first vpn, level, first frame, and the leaf's flags, with the path's rights. */
  forEach(cpu: PcpuId, visit: (vpn: Vpn, level: number, frame: number, leaf: number) => void): void {
    const rows = this.geometry.sets * this.geometry.ways;
    for (let row = cpu * rows; row < (cpu + 1) * rows; row++) {
      const level = this.level[row]!;
      if (level !== 0)
        visit((this.page[row]! * this.pages[level]!) as Vpn, level, this.frame[row]!, this.leaf[row]!);
    }
  }

  private pageOf(vpn: Vpn, level: number): number {
    return Math.floor(vpn / this.pages[level]!);
  }

  /** First row of the set that `page` belongs to. */
  private set(cpu: PcpuId, page: number): number {
    const { sets, ways } = this.geometry;
    return (cpu * sets + (page & (sets - 1))) * ways;
  }

  /** The row that has `page` of `level`, in `pcid` or globally; or -1. */
  private find(cpu: PcpuId, pcid: number, page: number, level: number): number {
    const first = this.set(cpu, page);
    const end = first + this.geometry.ways;
    for (let row = first; row < end; row++) {
      if (this.level[row] !== level || this.page[row] !== page) continue;
      if (this.pcid[row] === pcid || this.isGlobal(row)) return row;
    }
    return -1;
  }

  /** The row for a new entry: an empty way of its set, or each in turn. */
  private victim(cpu: PcpuId, page: number): number {
    const { ways } = this.geometry;
    const first = this.set(cpu, page);
    for (let row = first; row < first + ways; row++) if (this.level[row] === 0) return row;
    const way = this.next[first / ways]!;
    this.next[first / ways] = (way + 1) % ways;
    return first + way;
  }

  private isGlobal(row: number): boolean {
    return (this.leaf[row]! & _PAGE_GLOBAL) !== 0;
  }

  private covers(row: number, vpn: Vpn): boolean {
    return this.pageOf(vpn, this.level[row]!) === this.page[row];
  }

  /** Empty the rows of `cpu` that `goes` is true of. */
  private drop(cpu: PcpuId, goes: (row: number) => boolean): void {
    const rows = this.geometry.sets * this.geometry.ways;
    for (let row = cpu * rows; row < (cpu + 1) * rows; row++) {
      if (this.level[row] !== 0 && goes(row)) this.clear(row);
    }
  }

  /** Zero the row, so that states which differ in nothing that can be looked up are equal. */
  private clear(row: number): void {
    this.page[row] = this.frame[row] = this.leaf[row] = this.pcid[row] = this.level[row] = 0;
  }
}
