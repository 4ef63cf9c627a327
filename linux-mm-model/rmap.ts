/**
 * Pages coming into user mappings and leaving them.
 *
 * Mirrors: page_add_new_anon_rmap(), page_add_file_rmap(), page_dup_rmap(), page_remove_rmap(), mm/rmap.c.
 * Differs: pages of files are not counted: their frames stay with the file, which nobody closes.
 */
import type { Linux } from "./linux.js";
import { folio_add_lru, lru_add_drain } from "./lru.js";
import { PG_anon, PG_anon_exclusive, PG_lru } from "./struct-page.js";

/** A fresh anonymous page, mapped once and by nobody else. */
export function new_anon_page(k: Linux, cpu: number): number {
  const pfn = k.pages.alloc_page();
  k.pages.flags[pfn] = PG_anon | PG_anon_exclusive;
  k.pages.mapcount[pfn] = 1;
  folio_add_lru(k, cpu, pfn);
  return pfn;
}

/**
 * May the process that maps `pfn`, and found it write-protected, go on with it? It may if nobody else has a reference.
 *
 * Mirrors: the checks in do_wp_page(), mm/memory.c.
 */
export function can_reuse_anon(k: Linux, cpu: number, pfn: number): boolean {
  const { pages } = k;
  if ((pages.flags[pfn]! & PG_anon_exclusive) !== 0) return true;
  if (pages.refcount[pfn]! > 3) return false;
  if ((pages.flags[pfn]! & PG_lru) === 0) lru_add_drain(k, cpu);
  return pages.refcount[pfn] === 1;
}

export function is_anon(k: Linux, pfn: number): boolean {
  return (k.pages.flags[pfn]! & PG_anon) !== 0;
}

export function is_anon_exclusive(k: Linux, pfn: number): boolean {
  return (k.pages.flags[pfn]! & PG_anon_exclusive) !== 0;
}

/** One more mapping, by fork: an anonymous page is nobody's alone then. */
export function page_dup_rmap(k: Linux, pfn: number): void {
  if (!is_anon(k, pfn)) return;
  k.pages.flags[pfn]! &= ~PG_anon_exclusive;
  k.pages.mapcount[pfn]!++;
  k.pages.refcount[pfn]!++;
}

/** One mapping less; an anonymous page goes with its last. */
export function page_remove_rmap(k: Linux, pfn: number): void {
  if (!is_anon(k, pfn)) return;
  k.pages.mapcount[pfn]!--;
  k.pages.put_page(pfn);
}
