/**
 * Pages on their way to the LRU lists: a CPU collects 15 before it takes the lists' lock, and holds a reference to each.
 *
 * That reference keeps a page from being taken over by the last process that maps it: a write copies it, unless the page
 * waits on the writing CPU itself.
 *
 * Mirrors: folio_add_lru(), lru_add_drain(), mm/swap.c.
 * Differs: lists behind them are not kept; other CPUs are never asked to drain.
 */
import type { State } from "../abi/state.js";
import type { Linux } from "./linux.js";
import { PG_lru } from "./struct-page.js";

/** Mirrors: PAGEVEC_SIZE. */
const PAGEVEC_SIZE = 15;

/** Shape: nr Uint8Array[cpu], pages that wait; page Uint32Array[cpu][PAGEVEC_SIZE], which. */
export class LruPagevecs {
  readonly nr: Uint8Array;
  readonly page: Uint32Array;

  constructor(state: State, nrCpus: number) {
    this.nr = state.u8(nrCpus);
    this.page = state.u32(nrCpus * PAGEVEC_SIZE);
  }
}

/** A new page will be on the lists. */
export function folio_add_lru(k: Linux, cpu: number, pfn: number): void {
  const { lru, pages } = k;
  pages.refcount[pfn]!++;
  lru.page[cpu * PAGEVEC_SIZE + lru.nr[cpu]!] = pfn;
  if (++lru.nr[cpu]! === PAGEVEC_SIZE) lru_add_drain(k, cpu);
}

/** Put what `cpu` has collected on the lists. */
export function lru_add_drain(k: Linux, cpu: number): void {
  const { lru, pages } = k;
  for (let i = 0; i < lru.nr[cpu]!; i++) {
    const pfn = lru.page[cpu * PAGEVEC_SIZE + i]!;
    pages.flags[pfn]! |= PG_lru;
    pages.put_page(pfn);
  }
  lru.nr[cpu] = 0;
}
