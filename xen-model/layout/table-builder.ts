/**
 * Pagetables, built: frames for tables, and ranges of pages mapped with the largest pages that fit.
 *
 * Mirrors: alloc_mapped_pagetable(), map_pages_to_xen(), xen/arch/x86/mm.c.
 * Differs: A mapping never replaces one, so nothing is shattered, and nothing flushed.
 */
import type { Mfn } from "../../abi/frames.js";
import type { PtMemory } from "../../abi/memory.js";
import {
  _PAGE_ACCESSED,
  _PAGE_DIRTY,
  _PAGE_NX,
  _PAGE_PRESENT,
  _PAGE_PSE,
  _PAGE_RW,
  _PAGE_USER,
  LEVEL_PAGES,
} from "../../abi/page.js";
import type { FrameMap, Kind, Owner } from "./frame-map.js";

/** Flags of an entry that points to a table of Xen's. Mirrors: __PAGE_HYPERVISOR. */
export const TABLE = _PAGE_PRESENT | _PAGE_RW | _PAGE_ACCESSED | _PAGE_DIRTY;
/** Flags of an entry that points to a table whose pages user mode may read. */
export const USER_TABLE = _PAGE_PRESENT | _PAGE_USER | _PAGE_ACCESSED;
/** Leaves, and RW also of L4 entries below which nothing is executed. Mirrors: __PAGE_HYPERVISOR_RW, _RX, _RO; a guest's own pages. */
export const RW = _PAGE_PRESENT | _PAGE_RW | _PAGE_ACCESSED | _PAGE_DIRTY | _PAGE_NX;
export const RX = _PAGE_PRESENT | _PAGE_ACCESSED;
export const RO = _PAGE_PRESENT | _PAGE_ACCESSED | _PAGE_NX;
export const USER_RO = _PAGE_PRESENT | _PAGE_USER | _PAGE_ACCESSED;
export const USER_RW = USER_RO | _PAGE_RW | _PAGE_DIRTY;

export class TableBuilder {
  constructor(
    readonly mem: PtMemory,
    readonly map: FrameMap,
  ) {}

  /** A table, empty. */
  alloc(kind: Kind = "pagetable", owner: Owner = {}): Mfn {
    return this.map.alloc_table(kind, owner);
  }

  /** The table that entry `slot` of `table` points to; made if there is none. */
  below(table: Mfn, slot: number, flags: number, kind: Kind = "pagetable", owner: Owner = {}): Mfn {
    const { mem } = this;
    if ((mem.flags(table, slot) & _PAGE_PRESENT) !== 0) return mem.frame(table, slot) as Mfn;
    const made = this.alloc(kind, owner);
    mem.set(table, slot, made, flags);
    return made;
  }

  /**
   * Map `count` pages from page `vpn` on to the frames from `mfn` on, below L4 `l4`. Pages of up to `largest` level are
   * used. `upper`: flags of the tables' entries; `owner`: of tables that are made.
   */
  map_pages(
    l4: Mfn,
    vpn: number,
    mfn: number,
    count: number,
    leaf: number,
    { largest = 3, upper = TABLE, kind = "pagetable", owner = {} }: MapOptions = {},
  ): void {
    for (let done = 0; done < count;) {
      const [page, frame] = [vpn + done, mfn + done];
      let level = largest;
      while (
        page % LEVEL_PAGES[level]! !== 0 ||
        frame % LEVEL_PAGES[level]! !== 0 ||
        count - done < LEVEL_PAGES[level]!
      )
        level--;
      let table = l4;
      for (let at = 4; at > level; at--) table = this.below(table, slot_of(page, at), upper, kind, owner);
      this.mem.set(table, slot_of(page, level), frame, level > 1 ? leaf | _PAGE_PSE : leaf);
      done += LEVEL_PAGES[level]!;
    }
  }

  /** The same below an L3, and with 4 KiB pages. */
  map_below_l3(
    l3: Mfn,
    vpn: number,
    mfn: number,
    count: number,
    leaf: number,
    { upper = TABLE, kind = "pagetable", owner = {} }: MapOptions = {},
  ): void {
    for (let i = 0; i < count; i++) {
      const l2 = this.below(l3, slot_of(vpn + i, 3), upper, kind, owner);
      const l1 = this.below(l2, slot_of(vpn + i, 2), upper, kind, owner);
      this.mem.set(l1, slot_of(vpn + i, 1), mfn + i, leaf);
    }
  }

  /** Map `slots` pages of 2 MiB from `slot` of an L2 on. */
  map_pages_in_l2(l2: Mfn, slot: number, mfn: number, slots: number, leaf: number): void {
    for (let i = 0; i < slots; i++) this.mem.set(l2, slot + i, mfn + i * LEVEL_PAGES[2], leaf | _PAGE_PSE);
  }
}

export interface MapOptions {
  readonly largest?: 1 | 2 | 3;
  readonly upper?: number;
  readonly kind?: Kind;
  readonly owner?: Owner;
}

/** Index of page `vpn` in its table at `level`. */
export function slot_of(vpn: number, level: number): number {
  return Math.floor(vpn / LEVEL_PAGES[level]!) % 512;
}
