/**
 * Recorded memory calls and faults, made on the modelled address spaces.
 *
 * A recording shows no mapping that execve makes, and none from before it began. Where a fault finds no VMA, or one
 * that forbids the access, a VMA is assumed: 64 KiB, as fault-around maps, of an executable file where it is read
 * or executed first, anonymous where it is written first.
 */
import type { Vpn } from "../../abi/frames.js";
import { PFEC_insn_fetch, PFEC_write_access } from "../../abi/page.js";
import { map_between } from "../../linux-mm-model/mmap.js";
import { do_mprotect } from "../../linux-mm-model/mprotect.js";
import { NO_MM } from "../../linux-mm-model/mm-struct.js";
import * as sys from "../../linux-mm-model/syscalls.js";
import {
  NO_FILE,
  NO_VMA,
  VM_EXEC,
  VM_GROWSDOWN,
  VM_READ,
  VM_SHARED,
  VM_WRITE,
} from "../../linux-mm-model/vma.js";
import type { Machine } from "../../machine/machine.js";
import { in_kernel } from "./in-kernel.js";
import type { Notes } from "./notes.js";

const MAP_SHARED = 0x01;
const MAP_SHARED_VALIDATE = 0x03;
const MAP_ANONYMOUS = 0x20;
const MAP_GROWSDOWN = 0x100;
const MAP_POPULATE = 0x8000;
const ASSUMED_PAGES = 16;
/** Pages of a file whose length nobody recorded. */
const UNKNOWN_FILE_PAGES = 1024;

export class UserMemory {
  private readonly cachedFile: number;
  private readonly shmem: number;

  constructor(
    private readonly machine: Machine,
    private readonly notes: Notes,
  ) {
    const { files, pages } = machine.linux;
    this.cachedFile = files.open(pages, UNKNOWN_FILE_PAGES, true);
    this.shmem = files.open(pages, UNKNOWN_FILE_PAGES, false);
  }

  /** mmap that returned `address`. Units: bytes, as recorded. */
  mmap(
    cpu: number,
    address: number,
    bytes: number,
    prot: number,
    flags: number,
    fd: number,
    offset: number,
  ): void {
    const anonymous = (flags & MAP_ANONYMOUS) !== 0 || fd > 0x7fffffff || fd < 0;
    const shared =
      (flags & MAP_SHARED_VALIDATE) === MAP_SHARED || (flags & MAP_SHARED_VALIDATE) === MAP_SHARED_VALIDATE;
    sys.sys_mmap(this.machine.linux, cpu, {
      start: pageOf(address),
      pages: pagesOf(bytes),
      flags: vmFlags(prot) | (shared ? VM_SHARED : 0) | ((flags & MAP_GROWSDOWN) !== 0 ? VM_GROWSDOWN : 0),
      file: anonymous ? (shared ? this.shmem : NO_FILE) : this.cachedFile,
      pgoff: pageOf(offset),
      populate: (flags & MAP_POPULATE) !== 0,
    });
  }

  munmap(cpu: number, address: number, bytes: number): void {
    sys.sys_munmap(this.machine.linux, cpu, pageOf(address), pagesOf(bytes));
  }

  mprotect(cpu: number, address: number, bytes: number, prot: number): void {
    const { linux } = this.machine;
    const start = pageOf(address);
    const pages = pagesOf(bytes);
    if (sys.sys_mprotect(linux, cpu, start, pages, vmFlags(prot)) === 0) return;
    // a part of it is of an image nobody recorded
    const mm = linux.tasks.mm[linux.percpu.current[cpu]!]!;
    this.fill(mm, start, start + pages, vmFlags(prot), this.cachedFile);
  }

  /** brk that returned `result`. */
  brk(cpu: number, result: number): void {
    const { linux } = this.machine;
    const mm = linux.tasks.mm[linux.percpu.current[cpu]!]!;
    if (mm === NO_MM) return;
    const end = pagesOf(result);
    if (linux.mms.start_brk[mm] === 0) {
      linux.mms.start_brk[mm] = end;
      linux.mms.brk[mm] = end;
    } else sys.sys_brk(linux, cpu, end);
  }

  /** mremap that returned `to`. */
  mremap(cpu: number, old: number, oldBytes: number, newBytes: number, to: number): void {
    const rc = sys.sys_mremap(
      this.machine.linux,
      cpu,
      pageOf(old),
      pagesOf(oldBytes),
      pagesOf(newBytes),
      pageOf(to),
    );
    if (rc < 0) this.notes.add("mremaps of mappings that the recording does not show");
  }

  /** `nested`: while another task of the process unmaps. */
  madvise(cpu: number, address: number, bytes: number, advice: number, nested: boolean): void {
    const { linux } = this.machine;
    const mm = linux.tasks.mm[linux.percpu.current[cpu]!]!;
    if (nested && mm !== NO_MM) linux.mms.tlb_flush_pending[mm]!++;
    sys.sys_madvise(linux, cpu, pageOf(address), pagesOf(bytes), advice);
    if (nested && mm !== NO_MM) linux.mms.tlb_flush_pending[mm]!--;
  }

  /**
   * A VMA that allows the access which is about to be made on `cpu`. True where there was none, and one is assumed now.
   */
  permit(cpu: number, mm: number, page: Vpn, error: number): boolean {
    const { linux } = this.machine;
    const { vmas, mms } = linux;
    const write = (error & PFEC_write_access) !== 0;
    const exec = (error & PFEC_insn_fetch) !== 0;
    const need = write ? VM_WRITE : exec ? VM_EXEC : VM_READ;
    const vma = vmas.find_vma_near(mm, mms.vma_root[mm]!, page);
    if (vma !== NO_VMA && vmas.start[vma]! <= page) {
      if ((vmas.flags[vma]! & need) !== 0) return false;
      this.notes.add("VMAs given the access that a fault shows they have");
      this.allow(cpu, mm, page, need);
      return false;
    }
    // a stack grows down to it, if it is near
    if (vma !== NO_VMA && (vmas.flags[vma]! & VM_GROWSDOWN) !== 0 && vmas.start[vma]! - page < 2048)
      return false;
    this.notes.add("VMAs assumed where a fault found none");
    const start = page - (page & (ASSUMED_PAGES - 1));
    const flags = VM_READ | (write ? VM_WRITE : VM_EXEC);
    this.fill(mm, start, start + ASSUMED_PAGES, flags, write ? NO_FILE : this.cachedFile);
    return true;
  }

  /** Map what of [start, end) is not mapped. */
  private fill(mm: number, start: number, end: number, flags: number, file: number): void {
    const { linux } = this.machine;
    const { vmas, mms } = linux;
    for (let page = start; page < end;) {
      const next = vmas.find_vma_prev(mms.vma_root[mm]!, page);
      const free = next === NO_VMA ? end : Math.min(end, vmas.start[next]!);
      const behind = next === NO_VMA ? end : Math.max(free, vmas.end[next]!);
      if (free > page) map_between(linux, mm, vmas.prev, next, page, free, flags, file, page);
      page = behind;
    }
  }

  /** Give the 64 KiB around `page` the access `need` too: a mapping that was changed where nobody recorded it. */
  private allow(cpu: number, mm: number, page: number, need: number): void {
    const { linux } = this.machine;
    const { vmas, mms } = linux;
    const start = page - (page & (ASSUMED_PAGES - 1));
    in_kernel(this.machine, cpu, () => {
      for (let at = start; at < start + ASSUMED_PAGES;) {
        const vma = vmas.find_vma(mms.vma_root[mm]!, at);
        if (vma === NO_VMA || vmas.start[vma]! >= start + ASSUMED_PAGES) break;
        const from = Math.max(at, vmas.start[vma]!);
        const to = Math.min(start + ASSUMED_PAGES, vmas.end[vma]!);
        const access = (vmas.flags[vma]! & (VM_READ | VM_WRITE | VM_EXEC)) | need | VM_READ;
        do_mprotect(linux, cpu, mm, from, to, access);
        at = to;
      }
    });
  }
}

function pageOf(address: number): number {
  return Math.floor(address / 4096);
}

function pagesOf(bytes: number): number {
  return Math.ceil(bytes / 4096);
}

function vmFlags(prot: number): number {
  return prot & (VM_READ | VM_WRITE | VM_EXEC); // PROT_* and VM_* are the same three bits
}
