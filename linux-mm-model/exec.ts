/**
 * execve: a new address space, built while nothing runs on it, then made current in one step.
 *
 * Mirrors: bprm_mm_init(), copy_strings(), exec_mmap(), setup_arg_pages(), fs/exec.c; load_elf_binary(), fs/binfmt_elf.c.
 * Differs: the image is a list of VMAs that the caller knows; its bytes are not read. Arguments fill one page
 *          of stack, which is where the stack begins: nothing is randomised, so shift_arg_pages() moves nothing.
 */
import { CAUSE } from "../abi/ledger.js";
import { expand_downwards, handle_mm_fault } from "./fault.js";
import { mmput } from "./exit.js";
import type { Linux } from "./linux.js";
import { insert_vma, mmap_region } from "./mmap.js";
import { NO_MM } from "./mm-struct.js";
import { mmdrop } from "./sched.js";
import { mprotect_fixup } from "./mprotect.js";
import { tlb_finish_mmu, tlb_gather_mmu } from "./unmap.js";
import { NO_FILE, VM_GROWSDOWN, VM_READ, VM_SOFTDIRTY, VM_WRITE } from "./vma.js";
import { start_thread_common } from "./xen/enlighten-pv.js";

/** Mirrors: VM_STACK_FLAGS, include/linux/mm.h, where data is not executable. */
const VM_STACK_FLAGS = VM_READ | VM_WRITE | VM_GROWSDOWN;

/** One mapping of an image. Units: pages; flags VM_*. */
export interface ImageVma {
  readonly start: number;
  readonly pages: number;
  readonly flags: number;
  readonly file: number;
  readonly pgoff: number;
}

export interface Image {
  readonly vmas: readonly ImageVma[];
  /** Page behind the top of the stack, and pages of it that are mapped (not present) at the start. */
  readonly stackTop: number;
  readonly stackPages: number;
  /** First page of the heap. */
  readonly brk: number;
}

/** The task that runs on `cpu` becomes another program. */
export function do_execve(k: Linux, cpu: number, image: Image): void {
  const { tasks, mms, vmas, percpu, ledger } = k;
  const before = ledger.enter(cpu, CAUSE.exec);
  const task = percpu.current[cpu]!;
  const mm = mms.allocate_mm();
  k.pv.pgd_alloc(cpu, mm);

  // the argument page is faulted in before the mm is anybody's
  const { stackTop, stackPages } = image;
  const stack = vmas.vm_area_alloc(
    stackTop - 1,
    stackTop,
    VM_SOFTDIRTY | VM_STACK_FLAGS,
    NO_FILE,
    stackTop - 1,
  );
  insert_vma(k, mm, stack);
  handle_mm_fault(k, cpu, mm, stack, stackTop - 1, true);

  exec_mmap(k, cpu, task, mm);
  setup_arg_pages(k, cpu, mm, stack, stackTop - stackPages);
  for (const map of image.vmas) mmap_region(k, cpu, mm, map);
  start_thread_common(k, cpu);
  mms.start_brk[mm] = image.brk;
  mms.brk[mm] = image.brk;
  tasks.vfork[task] = 0;
  ledger.enter(cpu, before);
}

/**
 * The stack gets the flags that the image asks for, and room to grow. The flags always change: the first ones had
 * VM_SOFTDIRTY, so the PTEs of the arguments are gone through.
 */
function setup_arg_pages(k: Linux, cpu: number, mm: number, vma: number, bottom: number): void {
  const { vmas } = k;
  tlb_gather_mmu(k, cpu, false);
  mprotect_fixup(k, cpu, mm, vma, vmas.start[vma]!, vmas.end[vma]!, VM_STACK_FLAGS);
  tlb_finish_mmu(k, cpu, mm);
  const stack = vmas.find_vma(k.mms.vma_root[mm]!, bottom);
  if (bottom < vmas.start[stack]!) expand_downwards(k, stack, bottom);
}

function exec_mmap(k: Linux, cpu: number, task: number, mm: number): void {
  const { tasks } = k;
  const old = tasks.mm[task]!;
  const active = tasks.active_mm[task]!;
  if (old !== NO_MM) k.pv.thread_exit(cpu, old, task);
  tasks.mm[task] = mm;
  tasks.active_mm[task] = mm;
  k.pv.activate_mm(cpu, active, mm);
  k.pv.switch_mm(cpu, active, mm, task);
  if (old !== NO_MM) mmput(k, cpu, old);
  else mmdrop(k, cpu, active);
}
