/**
 * map_domain_page(): how Xen reaches the contents of a frame, where no directmap has it.
 *
 * With a directmap it is an address computation, as in release builds below 5 TiB, and nothing is kept here. Without:
 *   domain  today's mapcache: 16 entries a vCPU in one array of the domain, behind a lock; what a vCPU unmaps stays in its hash of 8
 *           until another frame needs the place. When all entries have been used once, garbage is collected and the TLB
 *           flushed; other vCPUs see the epoch, and flush too, unless they have since
 *   vcpu    the same with entries of each vCPU's own: no lock, and nobody else's epoch
 *   none    an entry is written for each mapping, and cleared and flushed for each unmapping
 *
 * Shape: nrVcpus rows of 16 entries and of 8 hash rows.
 *   inuse, garbage       Uint8Array   of each entry
 *   mapped               Uint32Array  frame that it maps
 *   hash_mfn, hash_idx   Uint32Array, Int32Array  of each hash row: idx -1 for MAPHASHENT_NOTINUSE
 *   hash_refcnt          Uint32Array
 *   cursor, epoch, tlbflush_timestamp  Uint32Array  of each array: one, or one a vCPU
 *   shadow_epoch         Uint32Array  of each vCPU
 *
 * Mirrors: map_domain_page(), unmap_domain_page(), xen/arch/x86/domain_page.c; "x86/domain_page: implement pure per-vCPU mapping
 *          infrastructure", Feb 2020, for vcpu (facts/xen.md 5.1, 5.2).
 * Differs: entries are counted, not written; who holds the lock waits for nobody.
 */
import { EV } from "../abi/events.js";
import type { State } from "../abi/state.js";
import { flush_tlb_local, flush_tlb_one_local } from "./flush.js";
import { MAPCACHE_VCPU_ENTRIES } from "./layout/areas.js";
import type { Xen } from "./xen.js";

/** How frames are mapped that no directmap has. */
export type MapDomainPage = "domain" | "vcpu" | "none";

/** Mirrors: MAPHASH_ENTRIES, asm/domain.h. */
const MAPHASH_ENTRIES = 8;
const NOTINUSE = -1;
/** A page of Xen's own, whose flush is counted. */
const ANY_PAGE = 2 ** 52 - 2 ** 35;

export class MapCache {
  private readonly inuse: Uint8Array;
  private readonly garbage: Uint8Array;
  private readonly mapped: Uint32Array;
  private readonly hash_mfn: Uint32Array;
  private readonly hash_idx: Int32Array;
  private readonly hash_refcnt: Uint32Array;
  private readonly cursor: Uint32Array;
  private readonly epoch: Uint32Array;
  private readonly tlbflush_timestamp: Uint32Array;
  private readonly shadow_epoch: Uint32Array;

  constructor(
    state: State,
    private readonly nrVcpus: number,
    private readonly kind: MapDomainPage,
  ) {
    const entries = nrVcpus * MAPCACHE_VCPU_ENTRIES;
    const rows = nrVcpus * MAPHASH_ENTRIES;
    this.inuse = state.u8(entries);
    this.garbage = state.u8(entries);
    this.mapped = state.u32(entries);
    this.hash_mfn = state.u32(rows);
    this.hash_idx = state.i32(rows);
    this.hash_refcnt = state.u32(rows);
    this.cursor = state.u32(nrVcpus);
    this.epoch = state.u32(nrVcpus);
    this.tlbflush_timestamp = state.u32(nrVcpus);
    this.shadow_epoch = state.u32(nrVcpus);
  }

  /** Mirrors: mapcache_vcpu_init(). */
  init(): void {
    this.hash_idx.fill(NOTINUSE);
  }

  /** Map `mfn` for `vcpu`, and return the entry that does. */
  map(x: Xen, vcpu: number, mfn: number): number {
    x.ledger.count(vcpu, EV.map_domain_page, 1);
    if (this.kind === "none") return 0;
    const row = vcpu * MAPHASH_ENTRIES + (mfn % MAPHASH_ENTRIES);
    if (this.hash_idx[row] !== NOTINUSE && this.hash_mfn[row] === mfn) {
      this.hash_refcnt[row]!++;
      return this.hash_idx[row]!;
    }
    x.ledger.count(vcpu, EV.mapcache_miss, 1);
    if (this.kind === "domain") x.ledger.count(vcpu, EV.mapcache_lock, 1);
    const idx = this.take_entry(x, vcpu, mfn);
    this.inuse[idx] = 1;
    this.mapped[idx] = mfn;
    return idx;
  }

  /** Let go of entry `idx`: it stays mapped, if the hash has room for it. */
  unmap(x: Xen, vcpu: number, idx: number): void {
    if (this.kind === "none") return flush_tlb_one_local(x, vcpu, ANY_PAGE);
    const mfn = this.mapped[idx]!;
    const row = vcpu * MAPHASH_ENTRIES + (mfn % MAPHASH_ENTRIES);
    if (this.hash_idx[row] === idx) this.hash_refcnt[row]!--;
    else if (this.hash_refcnt[row] === 0) {
      if (this.hash_idx[row] !== NOTINUSE) this.garbage[this.hash_idx[row]!] = 1;
      this.hash_mfn[row] = mfn;
      this.hash_idx[row] = idx;
    } else this.garbage[idx] = 1;
  }

  /** An entry that no TLB has. */
  private take_entry(x: Xen, vcpu: number, mfn: number): number {
    const { cursor, epoch, shadow_epoch, tlbflush_timestamp, inuse, garbage } = this;
    const array = this.kind === "vcpu" ? vcpu : 0;
    const first = array * MAPCACHE_VCPU_ENTRIES;
    const end = this.kind === "vcpu" ? first + MAPCACHE_VCPU_ENTRIES : inuse.length;
    if (epoch[array] !== shadow_epoch[vcpu]) {
      shadow_epoch[vcpu] = epoch[array]!;
      if (x.pcpus.tlbflush_time[x.vcpus.pcpu[vcpu]!]! <= tlbflush_timestamp[array]!) flush_tlb_local(x, vcpu);
    }
    let idx = inuse.indexOf(0, first + cursor[array]!);
    if (idx < 0 || idx >= end) {
      for (let i = first; i < end; i++) if (garbage[i] !== 0) inuse[i] = garbage[i] = 0;
      idx = inuse.indexOf(0, first);
      if (idx < 0 || idx >= end) idx = this.replace_hash_entry(vcpu, mfn);
      x.ledger.count(vcpu, EV.mapcache_wrap, 1);
      flush_tlb_local(x, vcpu);
      shadow_epoch[vcpu] = ++epoch[array]!;
      tlbflush_timestamp[array] = x.pcpus.tlbflush_clock[0]!;
    }
    cursor[array] = idx + 1 - first;
    return idx;
  }

  /**
   * The entry of a hash row that nobody uses.
   *
   * Errors: RangeError where all are in use at once: Xen has BUG_ON() there.
   */
  private replace_hash_entry(vcpu: number, mfn: number): number {
    for (let i = 0; i < MAPHASH_ENTRIES; i++) {
      const row = vcpu * MAPHASH_ENTRIES + ((mfn + i) % MAPHASH_ENTRIES);
      const idx = this.hash_idx[row]!;
      if (idx === NOTINUSE || this.hash_refcnt[row] !== 0) continue;
      this.hash_idx[row] = NOTINUSE;
      return idx;
    }
    throw new RangeError(
      `MapCache: all ${this.nrVcpus * MAPCACHE_VCPU_ENTRIES} entries are in use; map fewer at once`,
    );
  }
}

/** Map `mfn`; what is returned goes to unmap_domain_page(). */
export function map_domain_page(x: Xen, vcpu: number, mfn: number): number {
  return x.mapcache === undefined ? 0 : x.mapcache.map(x, vcpu, mfn);
}

export function unmap_domain_page(x: Xen, vcpu: number, mapped: number): void {
  x.mapcache?.unmap(x, vcpu, mapped);
}

/** Map `mfn`, look or write, and unmap it. */
export function touch_domain_page(x: Xen, vcpu: number, mfn: number): void {
  if (x.mapcache !== undefined) unmap_domain_page(x, vcpu, map_domain_page(x, vcpu, mfn));
}
