/**
 * Flags of a VMA, arguments of mmap() and its relatives, and the protection of a VMA's PTEs.
 *
 * Mirrors: VM_*, include/linux/mm.h; PROT_*, MAP_*, MADV_*, MREMAP_*, include/uapi/asm-generic/mman*.h;
 *          calc_vm_prot_bits(), include/linux/mman.h; protection_map[], arch/x86/mm/pgprot.c.
 * Differs: only the flags that the model acts on, or that keep two VMAs from merging.
 */
import { _PAGE_ACCESSED, _PAGE_GLOBAL, _PAGE_NX, _PAGE_PRESENT, _PAGE_RW, _PAGE_USER } from "../abi/page.js";

export const VM_READ = 0x1;
export const VM_WRITE = 0x2;
export const VM_EXEC = 0x4;
export const VM_SHARED = 0x8;
export const VM_MAYREAD = 0x10;
export const VM_MAYWRITE = 0x20;
export const VM_MAYEXEC = 0x40;
export const VM_MAYSHARE = 0x80;
export const VM_GROWSDOWN = 0x100;
export const VM_LOCKED = 0x2000;
export const VM_DONTCOPY = 0x20000;
export const VM_DONTEXPAND = 0x40000;
export const VM_ACCOUNT = 0x100000;
export const VM_NORESERVE = 0x200000;
export const VM_ACCESS_FLAGS = VM_READ | VM_WRITE | VM_EXEC;
/** The initial stack: VM_STACK_FLAGS | mm->def_flags, of a program with a non-executable stack. */
export const VM_STACK_FLAGS =
  VM_READ | VM_WRITE | VM_MAYREAD | VM_MAYWRITE | VM_MAYEXEC | VM_GROWSDOWN | VM_ACCOUNT;

export const PROT_NONE = 0;
export const PROT_READ = 1;
export const PROT_WRITE = 2;
export const PROT_EXEC = 4;

export const MAP_SHARED = 0x01;
export const MAP_PRIVATE = 0x02;
export const MAP_FIXED = 0x10;
export const MAP_ANONYMOUS = 0x20;
export const MAP_GROWSDOWN = 0x100;
export const MAP_LOCKED = 0x2000;
export const MAP_NORESERVE = 0x4000;
export const MAP_POPULATE = 0x8000;
export const MAP_FIXED_NOREPLACE = 0x100000;

export const MREMAP_MAYMOVE = 1;
export const MREMAP_FIXED = 2;
export const MREMAP_DONTUNMAP = 4;

export const MADV_NORMAL = 0;
export const MADV_WILLNEED = 3;
export const MADV_DONTNEED = 4;
export const MADV_FREE = 8;
export const MADV_DONTFORK = 10;
export const MADV_DOFORK = 11;
export const MADV_POPULATE_READ = 22;
export const MADV_POPULATE_WRITE = 23;

/** A PTE that keeps its frame while nobody may access it; not present for the processor. */
export const _PAGE_PROTNONE = _PAGE_GLOBAL;

/** PROT_* are the low VM_* bits. */
export function calc_vm_prot_bits(prot: number): number {
  return prot & (PROT_READ | PROT_WRITE | PROT_EXEC);
}

/** Flags of the PTEs of a VMA: private pages are mapped read-only first, so that the first write is seen. */
export function vm_get_page_prot(vm_flags: number): number {
  const access = vm_flags & VM_ACCESS_FLAGS;
  if (access === 0) return _PAGE_PROTNONE | _PAGE_ACCESSED;
  let prot = _PAGE_PRESENT | _PAGE_USER | _PAGE_ACCESSED;
  if ((access & VM_WRITE) !== 0 && (vm_flags & VM_SHARED) !== 0) prot |= _PAGE_RW;
  if ((access & VM_EXEC) === 0) prot |= _PAGE_NX;
  return prot;
}

/** May a write fault there end in a private copy? */
export function is_cow_mapping(vm_flags: number): boolean {
  return (vm_flags & (VM_SHARED | VM_MAYWRITE)) === VM_MAYWRITE;
}

export function vma_is_accessible(vm_flags: number): boolean {
  return (vm_flags & VM_ACCESS_FLAGS) !== 0;
}
