/**
 * struct mm_struct: one row per address space.
 *
 * Mirrors: struct mm_struct, include/linux/mm_types.h; mm_context_t, arch/x86/include/asm/mmu.h.
 * Differs: mmap_lock is not modelled: the simulator runs one path at a time, and the checker lets no path that writes the
 *          VMAs run beside another of the mm.
 */
import { cpumask_words } from "../abi/cpumask.js";
import type { State } from "../abi/state.js";

/** Row of no mm. */
export const NO_MM = -1;
/** init_mm: the kernel's own, whose pgd is swapper_pg_dir. */
export const INIT_MM = 0;

/** Slots of a pgd's user half, or more of smaller tables. */
const USER_SLOTS = 256;

/**
 * Shape: maxMms rows.
 *   used           Uint8Array    1 while the row is an mm
 *   pgd            Uint32Array   frame of the reference top level, R: kernel half and user half
 *   user_pgd       Uint32Array   frame of the user-mode L4 (page->private of R); 0 for init_mm
 *   pinned         Uint8Array    PagePinned(mm->pgd)
 *   mm_users       Int32Array    users of the user half
 *   mm_count       Int32Array    references to the row; all mm_users together count one
 *   cpumask        Uint32Array   mm_cpumask(), `words` a row: CPUs that may hold TLB entries, lazy ones included
 *   ctx_id         Float64Array  context.ctx_id
 *   tlb_gen        Float64Array  context.tlb_gen
 *   next_trim      Float64Array  context.next_trim_cpumask, in the machine's time
 *   vma_root       Int32Array    root of the VMA tree, -1 if empty (vma.ts)
 *   map_count      Int32Array    VMAs
 *   start_brk, brk Float64Array  heap, as page numbers
 *   nr_ptes, nr_pmds, nr_puds  Int32Array  tables in use: mm->pgtables_bytes by level
 *   tlb_flush_pending  Int32Array  gathers that are open (unmap.ts)
 *   rss            Int32Array    pages mapped, of all kinds
 *   page_table_lock  Uint16Array  CPU that holds it, plus one; 0 for none
 * and of the machine
 *   user_slots     Uint32Array   a bitmap: slots of the user half that any pgd has had, which are few; not Linux's
 */
export class MmTable {
  readonly used: Uint8Array;
  readonly pgd: Uint32Array;
  readonly user_pgd: Uint32Array;
  readonly pinned: Uint8Array;
  readonly mm_users: Int32Array;
  readonly mm_count: Int32Array;
  readonly cpumask: Uint32Array;
  readonly words: number;
  readonly ctx_id: Float64Array;
  readonly tlb_gen: Float64Array;
  readonly next_trim: Float64Array;
  readonly vma_root: Int32Array;
  readonly map_count: Int32Array;
  readonly start_brk: Float64Array;
  readonly brk: Float64Array;
  readonly nr_ptes: Int32Array;
  readonly nr_pmds: Int32Array;
  readonly nr_puds: Int32Array;
  readonly tlb_flush_pending: Int32Array;
  readonly rss: Int32Array;
  readonly page_table_lock: Uint16Array;
  readonly user_slots: Uint32Array;
  /** last_ctx[0]: the last ctx_id given out; hint[0]: no free row below. */
  private readonly last_ctx: Float64Array;
  readonly hint: Uint32Array;

  constructor(
    state: State,
    readonly max: number,
    nrCpus: number,
  ) {
    this.words = cpumask_words(nrCpus);
    this.used = state.u8(max);
    this.pgd = state.u32(max);
    this.user_pgd = state.u32(max);
    this.pinned = state.u8(max);
    this.mm_users = state.i32(max);
    this.mm_count = state.i32(max);
    this.cpumask = state.u32(max * this.words);
    this.ctx_id = state.f64(max);
    this.tlb_gen = state.f64(max);
    this.next_trim = state.f64(max);
    this.vma_root = state.i32(max);
    this.map_count = state.i32(max);
    this.start_brk = state.f64(max);
    this.brk = state.f64(max);
    this.nr_ptes = state.i32(max);
    this.nr_pmds = state.i32(max);
    this.nr_puds = state.i32(max);
    this.tlb_flush_pending = state.i32(max);
    this.rss = state.i32(max);
    this.page_table_lock = state.u16(max);
    this.last_ctx = state.f64(1);
    this.hint = state.u32(1);
    this.user_slots = state.u32(USER_SLOTS / 32);
  }

  /** A fresh row with one user and one reference. Mirrors: allocate_mm() and mm_init() without the pgd. */
  allocate_mm(): number {
    let mm = this.hint[0]!;
    while (mm < this.max && this.used[mm] !== 0) mm++;
    if (mm >= this.max) throw new RangeError(`MmTable: ${this.max} address spaces are in use; raise maxMms`);
    this.hint[0] = mm + 1;
    this.used[mm] = 1;
    this.pgd[mm] = 0;
    this.user_pgd[mm] = 0;
    this.pinned[mm] = 0;
    this.mm_users[mm] = 1;
    this.mm_count[mm] = 1;
    for (let i = 0; i < this.words; i++) this.cpumask[mm * this.words + i] = 0;
    this.ctx_id[mm] = ++this.last_ctx[0]!;
    this.tlb_gen[mm] = 1;
    this.next_trim[mm] = 0;
    this.vma_root[mm] = -1;
    this.map_count[mm] = 0;
    this.start_brk[mm] = 0;
    this.brk[mm] = 0;
    this.nr_ptes[mm] = 0;
    this.nr_pmds[mm] = 0;
    this.nr_puds[mm] = 0;
    this.tlb_flush_pending[mm] = 0;
    this.rss[mm] = 0;
    this.page_table_lock[mm] = 0;
    return mm;
  }

  /** No row from here on has ever been used, as allocate_mm() takes the first free one. */
  get rows(): number {
    return Math.min(this.last_ctx[0]!, this.max);
  }

  /** Where mm's row of cpumask begins. */
  mm_cpumask(mm: number): number {
    return mm * this.words;
  }

  /** A pgd may have `slot` of the user half from now on. */
  note_user_slot(slot: number): void {
    this.user_slots[slot >>> 5] = this.user_slots[slot >>> 5]! | (1 << slot); // shifts count modulo 32
  }

  /** Take mm's page_table_lock; false while another CPU has it. */
  lock_page_table(mm: number, cpu: number): boolean {
    if (this.page_table_lock[mm] !== 0) return false;
    this.page_table_lock[mm] = cpu + 1;
    return true;
  }

  unlock_page_table(mm: number): void {
    this.page_table_lock[mm] = 0;
  }

  /** Give the row back. Mirrors: free_mm(). */
  free_mm(mm: number): void {
    this.used[mm] = 0;
    if (mm < this.hint[0]!) this.hint[0] = mm;
  }
}
