/**
 * Page faults: from the exception to the PTE.
 *
 * Mirrors: do_user_addr_fault(), arch/x86/mm/fault.c; handle_mm_fault() to do_wp_page(), mm/memory.c;
 *          filemap_map_pages(), mm/filemap.c.
 * Differs: no swap, no huge pages (a PV guest has no PSE), no userfaultfd, no write-notify (files are on tmpfs). A
 *          fault that Linux would answer with SIGSEGV returns to where it came from.
 */
import { anon_vma_prepare } from "./anon-vma.js";
import { EV } from "../abi/events.js";
import { BLOCKED, blocked, DONE, NEXT, path, step } from "../abi/path.js";
import { _PAGE_RW, PAGE_FLAGS_MASK, PFEC_user_mode, PFEC_write_access } from "../abi/page.js";
import type { State } from "../abi/state.js";
import type { Linux } from "./linux.js";
import { NO_MM } from "./mm-struct.js";
import {
  PMD_PAGES,
  PTE_WRITE_DIRTY,
  pte_alloc,
  pte_present,
  table_of,
  vm_page_prot,
  pmd_alloc,
} from "./pgtable.js";
import { can_reuse_anon, is_anon, new_anon_page, page_remove_rmap } from "./rmap.js";
import { PG_anon_exclusive, PG_pagecache } from "./struct-page.js";
import { NO_FILE, NO_VMA, VM_EXEC, VM_GROWSDOWN, VM_READ, VM_SHARED, VM_WRITE } from "./vma.js";

/** How a fault ended. */
export const FAULT_HANDLED = 0;
export const FAULT_SYNCED = 1; // only the top level was stale
export const FAULT_SPURIOUS = 2; // the PTE allows the access already
export const FAULT_BAD_AREA = 3; // SIGSEGV

/**
 * What the fault path carries from step to step.
 *
 * Shape: nrCpus rows: page Float64Array, error Uint8Array, vma Int32Array, result Uint8Array
 */
export class FaultRegisters {
  readonly page: Float64Array;
  readonly error: Uint8Array;
  readonly vma: Int32Array;
  readonly result: Uint8Array;

  constructor(state: State, nrCpus: number) {
    this.page = state.f64(nrCpus);
    this.error = state.u8(nrCpus);
    this.vma = state.i32(nrCpus);
    this.result = state.u8(nrCpus);
  }
}

/** Index of find_vma, where a fault goes on that is more than a stale top level. */
const FIND_VMA = 2;

/** The fault path; fault.page and fault.error are its arguments, fault.result its answer. */
export const do_user_addr_fault_path = path<Linux>("do_user_addr_fault", [
  step("sync_fault", sync_fault),
  step("spin_unlock(page_table_lock)", end_sync_fault),
  step("find_vma", find_vma),
  step("handle_mm_fault", handle_fault),
]);

/** The kernel's page-fault handler for an address of the user half. Returns FAULT_*. */
export function do_user_addr_fault(k: Linux, cpu: number, page: number, error: number): number {
  const { fault } = k;
  fault.page[cpu] = page;
  fault.error[cpu] = error;
  // the steps as runPath() does them, by name: V8 compiles them into one piece
  const synced = sync_fault(k, cpu);
  if (synced === BLOCKED) throw blocked("do_user_addr_fault", "sync_fault");
  if (synced === NEXT) end_sync_fault(k, cpu);
  else if (find_vma(k, cpu) === NEXT) handle_fault(k, cpu);
  return fault.result[cpu]!;
}

function sync_fault(k: Linux, cpu: number): number {
  const { fault, percpu, ledger } = k;
  const task = percpu.current[cpu]!;
  if (!k.top.loadsReference && is_page_table_locked(k, k.tasks.mm[task]!)) return BLOCKED;
  const user = (fault.error[cpu]! & PFEC_user_mode) !== 0;
  ledger.count(cpu, user ? EV.page_fault_user : EV.page_fault_kernel, 1);
  return k.pv.sync_fault(cpu, task, fault.page[cpu]!) ? NEXT : FIND_VMA;
}

function end_sync_fault(k: Linux, cpu: number): number {
  k.mms.unlock_page_table(k.tasks.mm[k.percpu.current[cpu]!]!);
  k.fault.result[cpu] = FAULT_SYNCED;
  return DONE;
}

function find_vma(k: Linux, cpu: number): number {
  const { fault } = k;
  const mm = k.tasks.mm[k.percpu.current[cpu]!]!;
  fault.result[cpu] = FAULT_BAD_AREA;
  if (mm === NO_MM) return DONE;
  const vma = find_or_expand(k, mm, fault.page[cpu]!);
  if (vma === NO_VMA || access_error(k, vma, fault.error[cpu]!)) return DONE;
  fault.vma[cpu] = vma;
  return NEXT;
}

function handle_fault(k: Linux, cpu: number): number {
  const { fault } = k;
  const mm = k.tasks.mm[k.percpu.current[cpu]!]!;
  const write = (fault.error[cpu]! & PFEC_write_access) !== 0;
  fault.result[cpu] = handle_mm_fault(k, cpu, mm, fault.vma[cpu]!, fault.page[cpu]!, write);
  return NEXT;
}

function is_page_table_locked(k: Linux, mm: number): boolean {
  return mm !== NO_MM && k.mms.page_table_lock[mm] !== 0;
}

/** The VMA of `page`; a stack below it grows down to it. */
function find_or_expand(k: Linux, mm: number, page: number): number {
  const { vmas, mms } = k;
  const vma = vmas.find_vma_near(mm, mms.vma_root[mm]!, page);
  if (vma === NO_VMA || vmas.start[vma]! <= page) return vma;
  if ((vmas.flags[vma]! & VM_GROWSDOWN) === 0) return NO_VMA;
  expand_downwards(k, vma, page);
  return vma;
}

/** A stack begins at `page` from now on. */
export function expand_downwards(k: Linux, vma: number, page: number): void {
  const { vmas } = k;
  vmas.pgoff[vma]! -= vmas.start[vma]! - page;
  vmas.start[vma] = page;
}

/** Does the VMA forbid the access? Mirrors: access_error(), fault.c. */
export function access_error(k: Linux, vma: number, error: number): boolean {
  const flags = k.vmas.flags[vma]!;
  if ((error & PFEC_write_access) !== 0) return (flags & VM_WRITE) === 0;
  return (flags & (VM_READ | VM_WRITE | VM_EXEC)) === 0;
}

/** Make `page` of `vma` accessible: tables first, then the PTE. */
export function handle_mm_fault(
  k: Linux,
  cpu: number,
  mm: number,
  vma: number,
  page: number,
  write: boolean,
): number {
  const { memory, vmas } = k;
  const table = table_of(k, mm, page, 1);
  if (table === 0) pmd_alloc(k, cpu, mm, page); // else there is one
  const slot = page & (PMD_PAGES - 1);
  if (table === 0 || memory.flags(table, slot) === 0) {
    if (vmas.file[vma] === NO_FILE) do_anonymous_page(k, cpu, mm, vma, page, table, write);
    else do_fault(k, cpu, mm, vma, page, table, write);
    return FAULT_HANDLED;
  }
  const flags = memory.flags(table, slot);
  if (write && (flags & _PAGE_RW) === 0) {
    do_wp_page(k, cpu, mm, vma, page, table);
    return FAULT_HANDLED;
  }
  return FAULT_SPURIOUS;
}

function set_user_pte(
  k: Linux,
  cpu: number,
  mm: number,
  page: number,
  table: number,
  frame: number,
  flags: number,
): void {
  k.pv.set_pte(cpu, mm, table, page & (PMD_PAGES - 1), frame, flags);
}

/** A read gets the zero page, a write a page of its own. `found`: the L1 table, 0 if there is none yet. */
function do_anonymous_page(
  k: Linux,
  cpu: number,
  mm: number,
  vma: number,
  page: number,
  found: number,
  write: boolean,
): void {
  const { vmas, mms } = k;
  const table = found !== 0 ? found : pte_alloc(k, cpu, mm, page);
  const prot = vm_page_prot(vmas.flags[vma]!);
  if (!write) {
    set_user_pte(k, cpu, mm, page, table, k.image.zero_page[0]!, prot);
    return;
  }
  anon_vma_prepare(k, mm, vma);
  mms.rss[mm]!++;
  set_user_pte(k, cpu, mm, page, table, new_anon_page(k, cpu), prot | PTE_WRITE_DIRTY);
}

/** A page of a file: for reading with its neighbours, for writing to a private mapping as a copy. */
function do_fault(
  k: Linux,
  cpu: number,
  mm: number,
  vma: number,
  page: number,
  found: number,
  write: boolean,
): void {
  const { vmas, mms, pages } = k;
  const flags = vmas.flags[vma]!;
  const prot = vm_page_prot(flags);
  const pfn = file_frame(k, vma, page);
  if (write && (flags & VM_SHARED) === 0) {
    anon_vma_prepare(k, mm, vma);
    pages.flags[pfn]! |= PG_pagecache; // it is read first
    const table = found !== 0 ? found : pte_alloc(k, cpu, mm, page);
    mms.rss[mm]!++;
    set_user_pte(k, cpu, mm, page, table, new_anon_page(k, cpu), prot | PTE_WRITE_DIRTY);
    return;
  }
  const around = !write && k.config.faultAroundPages > 1;
  if (around && do_fault_around(k, cpu, mm, vma, page, found)) return;
  pages.flags[pfn]! |= PG_pagecache;
  const table = found !== 0 ? found : pte_alloc(k, cpu, mm, page);
  mms.rss[mm]!++;
  set_user_pte(k, cpu, mm, page, table, pfn, write ? prot | PTE_WRITE_DIRTY : prot);
}

/** Frame of the page of the file that `page` of `vma` maps. */
export function file_frame({ vmas, files }: Linux, vma: number, page: number): number {
  return files.frame(vmas.file[vma]!, vmas.pgoff[vma]! + page - vmas.start[vma]!);
}

/**
 * Map the pages around a read fault that are in the page cache and not mapped yet. Returns whether `page` is among them.
 *
 * Mirrors: do_fault_around(), mm/memory.c; filemap_map_pages(), mm/filemap.c.
 */
function do_fault_around(
  k: Linux,
  cpu: number,
  mm: number,
  vma: number,
  page: number,
  found: number,
): boolean {
  const { run } = k;
  const mapped = collect_around(k, vma, page, found);
  if (run.n === 0) return false;
  const table = found !== 0 ? found : pte_alloc(k, cpu, mm, page);
  k.mms.rss[mm]! += run.n;
  k.pv.set_ptes(cpu, mm, table, run, vm_page_prot(k.vmas.flags[vma]!));
  return mapped;
}

/**
 * The entries that a fault-around fills, into k.run: a window of fault_around_bytes, aligned, inside the VMA and the L1 `table`,
 * 0 if there is none yet. Returns whether `page` is among them.
 */
export function collect_around(k: Linux, vma: number, page: number, table: number): boolean {
  const { vmas, files, memory, run } = k;
  const { words } = memory;
  const { flags } = k.pages;
  const window = k.config.faultAroundPages;
  const start = vmas.start[vma]!;
  const slot = page & (PMD_PAGES - 1);
  const first = Math.max(page - (page & (window - 1)), start, page - slot);
  const last = Math.min(first + window, vmas.end[vma]!, first - (first & (PMD_PAGES - 1)) + PMD_PAGES);
  const file = vmas.file[vma]!;
  const firstFrame = files.first[file]! | 0;
  const behind = (firstFrame + files.pages[file]!) | 0;
  const firstSlot = first & (PMD_PAGES - 1);
  const lastSlot = (firstSlot + (last - first)) | 0;
  let at = memory.at(table, firstSlot) + 1;
  let pfn = file_frame(k, vma, first) | 0;
  run.n = 0;
  let mapped = false;
  for (let i = firstSlot; i < lastSlot; i++) {
    if ((flags[pfn]! & PG_pagecache) !== 0 && (table === 0 || (words[at]! & PAGE_FLAGS_MASK) === 0)) {
      run.add(i, pfn);
      if (i === slot) mapped = true;
    }
    at += 2;
    pfn = pfn + 1 === behind ? firstFrame : pfn + 1;
  }
  return mapped;
}

/** A write to a page that is mapped read-only: take it over, or copy it. */
function do_wp_page(k: Linux, cpu: number, mm: number, vma: number, page: number, table: number): void {
  const { memory, vmas, mms, pages } = k;
  const slot = page & (PMD_PAGES - 1);
  const pfn = memory.frame(table, slot);
  const prot = vm_page_prot(vmas.flags[vma]!) | PTE_WRITE_DIRTY;
  const shared = (vmas.flags[vma]! & VM_SHARED) !== 0;
  if (!shared && is_anon(k, pfn) && can_reuse_anon(k, cpu, pfn)) {
    pages.flags[pfn]! |= PG_anon_exclusive;
    set_user_pte(k, cpu, mm, page, table, pfn, prot);
    return;
  }
  if (shared) {
    set_user_pte(k, cpu, mm, page, table, pfn, prot);
    return;
  }
  // wp_page_copy(): the old PTE goes first, and with it the translation
  anon_vma_prepare(k, mm, vma);
  if (pfn === k.image.zero_page[0]) mms.rss[mm]!++;
  const copy = new_anon_page(k, cpu);
  k.pv.ptep_get_and_clear(cpu, mm, table, slot);
  k.pv.flush_tlb_mm_range(cpu, mm, page, page + 1);
  set_user_pte(k, cpu, mm, page, table, copy, prot);
  page_remove_rmap(k, pfn);
}

/**
 * Fault in all pages of a range. MADV_POPULATE_* say whether to write; mlock and MAP_POPULATE write where that breaks a
 * COW: to private writable mappings. What nobody may access is left out.
 *
 * Mirrors: populate_vma_page_range(), faultin_vma_page_range(), mm/gup.c.
 */
export function populate_range(
  k: Linux,
  cpu: number,
  mm: number,
  start: number,
  end: number,
  write?: boolean,
): void {
  const { vmas, mms } = k;
  for (let at = start; at < end;) {
    const vma = vmas.find_vma(mms.vma_root[mm]!, at);
    if (vma === NO_VMA || vmas.start[vma]! >= end) return;
    const flags = vmas.flags[vma]!;
    const from = Math.max(at, vmas.start[vma]!);
    const to = Math.min(end, vmas.end[vma]!);
    at = to;
    if ((flags & (VM_READ | VM_WRITE | VM_EXEC)) === 0) continue;
    if (write === true && (flags & VM_WRITE) === 0) return;
    const touch = write ?? (flags & (VM_WRITE | VM_SHARED)) === VM_WRITE;
    for (let page = from; page < to; page++) faultin_page(k, cpu, mm, vma, page, touch);
  }
}

function faultin_page(k: Linux, cpu: number, mm: number, vma: number, page: number, write: boolean): void {
  const table = table_of(k, mm, page, 1);
  const flags = table === 0 ? 0 : k.memory.flags(table, page & (PMD_PAGES - 1));
  if (pte_present(flags) && (!write || (flags & _PAGE_RW) !== 0)) return;
  handle_mm_fault(k, cpu, mm, vma, page, write);
}
