/**
 * Frames that are no RAM of the guest: what a guest with access to devices may map of them.
 *
 * Mirrors: iomem_access_permitted(), rangeset_contains_singleton(mmio_ro_ranges), cache_flush_permitted().
 */

/** mmio: mappable, made uncacheable; mmio-ro: also never writable; denied: not for this guest. */
export type IoClass = "mmio" | "mmio-ro" | "denied";

export interface IoRange {
  readonly first: number;
  readonly last: number;
  readonly class: IoClass;
}

export interface MemoryMap {
  /** Later ranges win over earlier ones; what no range covers is denied. */
  readonly io: readonly IoRange[];
  /** The guest may touch devices, and so choose cache attributes in its L1 entries. */
  readonly devices: boolean;
}

/** An ordinary guest: no devices. */
export const NO_DEVICES: MemoryMap = { io: [], devices: false };

/** Class of a frame that is no RAM. */
export function io_class(map: MemoryMap, mfn: number): IoClass {
  for (let i = map.io.length - 1; i >= 0; i--) {
    const range = map.io[i]!;
    if (mfn >= range.first && mfn <= range.last) return range.class;
  }
  return "denied";
}

/** All ones in the 40 frame bits of an entry: no frame at all. */
export const INVALID_ENTRY_FRAME = 2 ** 40 - 1;
