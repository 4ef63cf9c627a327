/**
 * The memory system calls, as the task that runs on `cpu` makes them. Units: page numbers and counts.
 *
 * Mirrors: ksys_mmap_pgoff(), __vm_munmap(), sys_mprotect(), sys_brk(), sys_mremap(), sys_madvise(), sys_mlock().
 */
import { EINVAL, ENOMEM, type Rc } from "../abi/errno.js";
import { CAUSE } from "../abi/ledger.js";
import { populate_range } from "./fault.js";
import { expand_files } from "./fdtable.js";
import { lru_add_drain } from "./lru.js";
import type { Linux } from "./linux.js";
import { do_madvise } from "./madvise.js";
import { do_brk, do_munmap, type MapRequest, mmap_region, vma_modify } from "./mmap.js";
import { NO_MM } from "./mm-struct.js";
import { do_mprotect } from "./mprotect.js";
import { do_mremap } from "./mremap.js";
import { NO_VMA, VM_LOCKED } from "./vma.js";

/** Do `call` on the mm of the current task, under `cause`. Errors: -EINVAL for a task without one. */
function on_mm(k: Linux, cpu: number, cause: number, call: (mm: number) => number): number {
  const mm = k.tasks.mm[k.percpu.current[cpu]!]!;
  if (mm === NO_MM) return -EINVAL;
  const before = k.ledger.enter(cpu, cause);
  const result = call(mm);
  k.ledger.enter(cpu, before);
  return result;
}

/** First page of the mapping, or -errno. */
export function sys_mmap(k: Linux, cpu: number, request: MapRequest): number {
  return on_mm(k, cpu, CAUSE.mmap, (mm) => mmap_region(k, cpu, mm, request));
}

export function sys_munmap(k: Linux, cpu: number, start: number, pages: number): Rc {
  return on_mm(k, cpu, CAUSE.munmap, (mm) => do_munmap(k, cpu, mm, start, start + pages));
}

/** `access`: VM_READ, VM_WRITE, VM_EXEC. */
export function sys_mprotect(k: Linux, cpu: number, start: number, pages: number, access: number): Rc {
  return on_mm(k, cpu, CAUSE.mprotect, (mm) => do_mprotect(k, cpu, mm, start, start + pages, access));
}

/** The end of the heap, moved or not. */
export function sys_brk(k: Linux, cpu: number, brk: number): number {
  return on_mm(k, cpu, CAUSE.brk, (mm) => do_brk(k, cpu, mm, brk));
}

/** First page of the mapping at its new place, or -errno. */
export function sys_mremap(
  k: Linux,
  cpu: number,
  old: number,
  oldPages: number,
  newPages: number,
  to: number,
): number {
  return on_mm(k, cpu, CAUSE.mremap, (mm) => do_mremap(k, cpu, mm, old, oldPages, newPages, to));
}

/** `advice`: MADV_*. */
export function sys_madvise(k: Linux, cpu: number, start: number, pages: number, advice: number): Rc {
  return on_mm(k, cpu, CAUSE.madvise, (mm) => do_madvise(k, cpu, mm, start, start + pages, advice));
}

/** Use descriptor `fd`: the table grows if it has to. */
export function sys_dup2(k: Linux, cpu: number, fd: number): void {
  expand_files(k, cpu, fd);
}

/** Lock a range in memory: its pages are faulted in. Errors: -ENOMEM, a part is not mapped. */
export function sys_mlock(k: Linux, cpu: number, start: number, pages: number): Rc {
  return on_mm(k, cpu, CAUSE.mmap, (mm) => {
    const { vmas, mms } = k;
    const end = start + pages;
    let rc: Rc = 0;
    for (let at = start; at < end;) {
      const vma = vmas.find_vma(mms.vma_root[mm]!, at);
      if (vma === NO_VMA || vmas.start[vma]! > at) {
        rc = -ENOMEM;
        break;
      }
      const until = Math.min(end, vmas.end[vma]!);
      if ((vmas.flags[vma]! & VM_LOCKED) === 0) {
        vma_modify(k, cpu, mm, vma, at, until, vmas.flags[vma]! | VM_LOCKED); // mlock_fixup()
        lru_add_drain(k, cpu);
      }
      at = until;
    }
    if (rc === 0) populate_range(k, cpu, mm, start, end);
    return rc;
  });
}
