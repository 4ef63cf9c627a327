/**
 * execve: a new address space, built while nothing runs on it, then made current in one step.
 *
 * Mirrors: bprm_mm_init(), copy_strings(), exec_mmap(), setup_arg_pages(), shift_arg_pages(), fs/exec.c;
 *          load_elf_binary(), fs/binfmt_elf.c.
 * Differs: the image is a list of VMAs that the caller knows; its bytes are not read. Arguments fill one page
 *          of stack.
 */
import { USER_LIMIT_VPN } from "../abi/layout.js";
import { CAUSE } from "../abi/ledger.js";
import { NEXT, step } from "../abi/path.js";
import { expand_downwards, handle_mm_fault } from "./fault.js";
import { mmput } from "./exit.js";
import { lru_add_drain } from "./lru.js";
import type { Linux } from "./linux.js";
import { insert_vma, mmap_region } from "./mmap.js";
import { NO_MM } from "./mm-struct.js";
import { mmdrop } from "./sched.js";
import { mprotect_fixup } from "./mprotect.js";
import { move_page_tables } from "./mremap.js";
import { free_pgd_range, tlb_finish_mmu, tlb_gather_mmu } from "./unmap.js";
import { NO_FILE, NO_VMA, VM_GROWSDOWN, VM_READ, VM_SOFTDIRTY, VM_WRITE } from "./vma.js";

/** Page behind the stack of a new image, before it is moved to where the image has it. */
export const STACK_TOP_MAX = USER_LIMIT_VPN - 1;

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
  const args = STACK_TOP_MAX - 1;
  const stack = vmas.vm_area_alloc(args, STACK_TOP_MAX, VM_SOFTDIRTY | VM_STACK_FLAGS, NO_FILE, args);
  insert_vma(k, mm, stack);
  handle_mm_fault(k, cpu, mm, stack, args, true);

  exec_mmap(k, cpu, task, mm);
  setup_arg_pages(k, cpu, mm, stack, stackTop, stackPages);
  for (const map of image.vmas) mmap_region(k, cpu, mm, map);
  k.pv.start_thread(cpu);
  mms.start_brk[mm] = image.brk;
  mms.brk[mm] = image.brk;
  tasks.vfork[task] = 0;
  ledger.enter(cpu, before);
}

/**
 * The stack gets the flags that the image asks for, and room to grow. The flags always change: the first ones had
 * VM_SOFTDIRTY, so the PTEs of the arguments are gone through.
 */
function setup_arg_pages(k: Linux, cpu: number, mm: number, vma: number, top: number, pages: number): void {
  const { vmas } = k;
  tlb_gather_mmu(k, cpu, mm, false);
  mprotect_fixup(k, cpu, mm, vma, vmas.start[vma]!, vmas.end[vma]!, VM_STACK_FLAGS);
  tlb_finish_mmu(k, cpu);
  const stack = vmas.find_vma(k.mms.vma_root[mm]!, STACK_TOP_MAX - 1);
  if (top < STACK_TOP_MAX) shift_arg_pages(k, cpu, mm, stack, top);
  if (top - pages < vmas.start[stack]!) expand_downwards(k, stack, top - pages);
}

/** The stack moves down, to end at page `top`: its PTEs with it, and the tables that it leaves empty go. */
export function shift_arg_pages(k: Linux, cpu: number, mm: number, vma: number, top: number): void {
  const { vmas } = k;
  const [start, end] = [vmas.start[vma]!, vmas.end[vma]!];
  const to = top - (end - start);
  vmas.start[vma] = to;
  vmas.pgoff[vma] = to;
  lru_add_drain(k, cpu);
  move_page_tables(k, cpu, mm, start, to, end - start);
  vmas.end[vma] = top;
  const next = vmas.find_vma(k.mms.vma_root[mm]!, end);
  const ceiling = next === NO_VMA ? Infinity : vmas.start[next]!;
  tlb_gather_mmu(k, cpu, mm, false);
  free_pgd_range(k, cpu, mm, Math.max(top, start), end, top, ceiling);
  tlb_finish_mmu(k, cpu);
}

/** The task that runs gets mm life.mm; regs.prev_mm is then the one that it had, and regs.real_prev what was loaded. */
export const exec_mmap_step = step<Linux>("exec_mmap", (k, cpu) => {
  const { tasks, regs, percpu } = k;
  const task = percpu.current[cpu]!;
  const old = tasks.mm[task]!;
  regs.prev_mm[cpu] = old;
  regs.real_prev[cpu] = tasks.active_mm[task]!;
  if (old !== NO_MM) k.pv.thread_exit(cpu, old, task);
  tasks.mm[task] = k.life.mm[cpu]!;
  percpu.switches.add(cpu);
  tasks.active_mm[task] = k.life.mm[cpu]!;
  return NEXT;
});

function exec_mmap(k: Linux, cpu: number, task: number, mm: number): void {
  k.life.mm[cpu] = mm;
  exec_mmap_step.run(k, cpu);
  const old = k.regs.prev_mm[cpu]!;
  const active = k.regs.real_prev[cpu]!;
  k.pv.activate_mm(cpu, active, mm);
  k.pv.switch_mm(cpu, active, mm, task);
  if (old !== NO_MM) mmput(k, cpu, old);
  else mmdrop(k, cpu, active);
}
