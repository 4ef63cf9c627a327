/**
 * How much memory Xen takes for what, where that is no matter of pagetables.
 *
 * Differs: numbers marked "assumed" stand for structures whose size depends on build and processor. They move the bytes of a
 *          class, and not whether it is in reach.
 */

/** Units: frames. */

/** The first MiB: BIOS, trampoline. */
export const LOW_FRAMES = 256;
/** Mirrors: STACK_SIZE, asm/config.h: 8 pages a pCPU, of which this model guards none. pCPU 0 boots on cpu0_stack, in the image. */
export const STACK_FRAMES = 8;
/** A pCPU's per-CPU data, the page-aligned TSS page first; assumed. pCPU 0 has its own in the image. */
export const PERCPU_FRAMES = 16;
/** GDT, compat GDT and IDT of a pCPU. Mirrors: cpu_smpboot_alloc(). */
export const DESCRIPTOR_FRAMES = 3;
/** Entries of .text.entry. Mirrors: _stextentry.._etextentry; "currently 3x4k frames" in 422588e885, assumed 4 today. */
export const TEXT_ENTRY_FRAMES = 4;
/** Text, rodata, data and bss: 2 MiB each; assumed. Mirrors: SECTION_ALIGN, xen.lds.S. */
export const IMAGE_SECTION_FRAMES = 512;
/** From XEN_VIRT_START to the image. Mirrors: XEN_IMG_OFFSET. */
export const IMAGE_OFFSET_FRAMES = 512;
/** pCPUs that share a frame of stubs. Mirrors: STUBS_PER_PAGE. */
export const STUBS_PER_PAGE = 32;
/** Where stubs end: behind it lies the executable fixmap. Mirrors: FIXADDR_X_SIZE. */
export const FIXADDR_X_FRAMES = 4;
/** struct domain, shared_info, grant table, event channels; assumed. */
export const DOMAIN_HEAP_FRAMES = 8;
/** struct vcpu and its FPU area; assumed. */
export const VCPU_STATE_FRAMES = 2;
/** PCI MMCONFIG of one segment: 256 buses of 1 MiB, no RAM. */
export const MMCFG_FRAMES = 65536;

/** Bytes of the frame table for each frame. Mirrors: sizeof(struct page_info). */
export const PAGE_INFO_BYTES = 32;
/** Bytes of the machine-to-phys tables for each frame: of 64-bit guests, and of 32-bit ones (1 GiB at most). */
export const M2P_BYTES = 8;
export const COMPAT_M2P_BYTES = 4;
/** Of the last, the read-only alias ends here, 2 MiB below 4 GiB. Mirrors: MACH2PHYS_COMPAT_VIRT_END. */
export const COMPAT_M2P_SLOTS = 511 - 428;

/** Frames that `bytes` for each of `nrFrames` frames take, in whole 2 MiB. */
export function table_frames(nrFrames: number, bytes: number): number {
  return Math.ceil((nrFrames * bytes) / 2 ** 21) * 512;
}
