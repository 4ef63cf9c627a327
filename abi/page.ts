/**
 * Pagetable entries: the bits that the processor defines, and how an entry is held.
 *
 * An entry is two 32-bit words, as Xen splits it into a frame and 24 bits of flags:
 *   word 0  frame number, low 32 bits (entry bits 43:12)
 *   word 1  bits 11:0   entry bits 11:0
 *           bits 23:12  entry bits 63:52
 *           bits 31:24  frame number, high 8 bits (entry bits 51:44); 0 for any frame of a modelled machine
 * so that all 64 bits a guest may write survive, and a flag test is one AND.
 *
 * Mirrors: get_pte_flags()/put_pte_flags(), xen/arch/x86/include/asm/x86_64/page.h; asm/x86-defns.h.
 */
import type { Vpn } from "./frames.js";

/** Entries of a table on the processor; the checker uses smaller tables. */
export const PTES = 512;

export const _PAGE_PRESENT = 0x001;
export const _PAGE_RW = 0x002;
export const _PAGE_USER = 0x004;
export const _PAGE_PWT = 0x008;
export const _PAGE_PCD = 0x010;
export const _PAGE_ACCESSED = 0x020;
export const _PAGE_DIRTY = 0x040;
/** Bit 7: memory type in a 4 KiB leaf (PAT), page size above. */
export const _PAGE_PAT = 0x080;
export const _PAGE_PSE = 0x080;
export const _PAGE_GLOBAL = 0x100;
export const _PAGE_AVAIL = 0xe00;
/** Entry bit 52: Xen's mark that a leaf is guest-kernel only. */
export const _PAGE_GUEST_KERNEL = 0x001000;
/** Entry bit 62: a grant mapping, in debug builds of Xen. */
export const _PAGE_GNTTAB = 0x400000;
export const _PAGE_AVAIL_HIGH = 0x7ff000;
/** Entry bit 63. */
export const _PAGE_NX = 0x800000;

/** All 24 flag bits of word 1, and the frame bits above them. */
export const PAGE_FLAGS_MASK = 0x00ffffff;
export const PAGE_FRAME_HI_MASK = 0xff000000;

/** Page-fault error code, as the processor pushes it (SDM vol. 3A, 4.7). Mirrors: PFEC_*, asm/page.h. */
export const PFEC_page_present = 0x01;
export const PFEC_write_access = 0x02;
export const PFEC_user_mode = 0x04;
export const PFEC_reserved_bit = 0x08;
export const PFEC_insn_fetch = 0x10;
export const PFEC_prot_key = 0x20;

/** Exception vectors that a pagetable access can raise. */
export const X86_EXC_GP = 13;
export const X86_EXC_PF = 14;

/** Pages covered by one entry at `level` (1..5): 1, 512, 512 * 512, ... */
export const LEVEL_PAGES = [0, 1, 512, 512 ** 2, 512 ** 3, 512 ** 4] as const;

/** Index of `vpn` in its table at `level` (1..5). Mirrors: l1_table_offset()..l4_table_offset(). */
export function pt_slot(vpn: Vpn, level: number): number {
  return Math.floor(vpn / LEVEL_PAGES[level]!) % PTES;
}
