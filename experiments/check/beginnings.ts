/**
 * What begins on a vCPU between two paths: a user access, a system call, the scheduler; and what a program or a kernel thread
 * does to its address space.
 */
import { _PAGE_PRESENT, PFEC_user_mode, PFEC_write_access } from "../../abi/page.js";
import type { Vpn } from "../../abi/frames.js";
import type { Linux } from "../../linux-mm-model/linux.js";
import { NO_MM } from "../../linux-mm-model/mm-struct.js";
import { P4D_PAGES } from "../../linux-mm-model/pgtable.js";
import { NO_TASK } from "../../linux-mm-model/task-struct.js";
import type { PvState } from "./pv-state.js";
import {
  PATH_FAULT,
  PATH_MUNMAP,
  PATH_NONE,
  PATH_SWITCH,
  PATH_UNUSE_MM,
  PATH_USE_MM,
  PLUG_up,
  SEEN_foreign,
} from "./registers.js";
import { type Bounds, firstKthread, firstThread } from "./bounds.js";
import type { StepRunner } from "./step-runner.js";

export class Beginnings {
  constructor(
    private readonly state: PvState,
    private readonly runner: StepRunner,
    private readonly bounds: Bounds,
  ) {}

  /** The vCPU is between two paths. */
  private rests(vcpu: number): boolean {
    const { path, inXen, plug } = this.state.regs;
    return path[vcpu] === PATH_NONE && inXen[vcpu] === 0 && plug[vcpu] === PLUG_up;
  }

  /** A thread that runs on the vCPU, in user mode, and has an operation left; -1 for none. */
  private worker(vcpu: number): number {
    if (!this.rests(vcpu)) return -1;
    const { linux, regs } = this.state;
    const task = linux.percpu.current[vcpu]!;
    return linux.tasks.mm[task] !== NO_MM && regs.opsLeft[task] !== 0 ? task : -1;
  }

  access(vcpu: number, slot: number, cached: boolean): boolean {
    const task = this.worker(vcpu);
    if (task < 0) return false;
    const { regs, linux, xen, slots } = this.state;
    const pending = regs.access[vcpu]! - 1;
    if (pending >= 0 && pending !== slot) return false;
    const mm = linux.tasks.mm[task]!;
    if (pending < 0 && (regs.mapped[mm]! & (1 << slot)) === 0) return false;
    const inCache = regs.tlb[vcpu * slots + slot]!;
    const root = xen.pcpus.guest_cr3[vcpu]!;
    const inTable =
      (linux.memory.flags(root, slot) & _PAGE_PRESENT) === 0 ? 0 : linux.memory.frame(root, slot);
    const l3 = cached ? inCache : inTable;
    if (cached && (inCache === 0 || inCache === inTable)) return false;
    if (l3 !== 0) {
      if (!this.isOwnL3(mm, slot, l3)) regs.seen[0]! |= SEEN_foreign;
      regs.access[vcpu] = 0;
      regs.opsLeft[task]!--;
      return true;
    }
    regs.access[vcpu] = slot + 1;
    linux.percpu.in_user[vcpu] = 0;
    const mode = this.state.runsKthread(vcpu) ? 0 : PFEC_user_mode;
    return this.fault(vcpu, slot, mode | PFEC_write_access);
  }

  private fault(vcpu: number, slot: number, error: number): boolean {
    const { linux, xen } = this.state;
    xen.page_fault(vcpu, (slot * P4D_PAGES) as Vpn, error);
    linux.fault.page[vcpu] = slot * P4D_PAGES;
    linux.fault.error[vcpu] = error;
    linux.fault.result[vcpu] = 0;
    linux.pud.mm[vcpu] = 0;
    linux.pud.page[vcpu] = slot * P4D_PAGES;
    linux.pud.table[vcpu] = 0;
    return this.runner.begin(vcpu, PATH_FAULT);
  }

  /** A read of user memory by the kernel, in lazy MMU mode, which no fault may sleep in: perf's callchains. */
  nofault(vcpu: number, slot: number): boolean {
    const task = this.worker(vcpu);
    const { regs, linux, xen } = this.state;
    if (task < 0 || regs.access[vcpu] !== 0 || this.state.runsKthread(vcpu)) return false;
    const root = xen.vcpus.guest_table[vcpu]!;
    if ((linux.memory.flags(root, slot) & _PAGE_PRESENT) !== 0) return false;
    regs.opsLeft[task]!--;
    linux.percpu.in_user[vcpu] = 0;
    xen.syscall(vcpu);
    linux.pv.arch_enter_lazy_mmu_mode(vcpu);
    return this.fault(vcpu, slot, PFEC_write_access);
  }

  /** A read of user memory by an interrupt handler that does not ask nmi_uaccess_okay(), in a switch. */
  interrupted(vcpu: number, slot: number): boolean {
    const { regs, linux, xen } = this.state;
    if (regs.path[vcpu] !== PATH_SWITCH || (regs.inXen[vcpu] !== 0 && regs.xenPc[vcpu] !== 0)) return false;
    const mm = this.state.mmOf(vcpu);
    const root = xen.pcpus.guest_cr3[vcpu]!;
    if (mm === NO_MM || (linux.memory.flags(root, slot) & _PAGE_PRESENT) === 0) return false;
    if (this.isOwnL3(mm, slot, linux.memory.frame(root, slot))) return false;
    regs.seen[0]! |= SEEN_foreign;
    return true;
  }

  /** Is `l3` the mm's table of the slot, or was it until now: nobody has it, and it is not free? */
  private isOwnL3(mm: number, slot: number, l3: number): boolean {
    const { linux } = this.state;
    if (linux.pages.refcount[l3] === 0) return false;
    for (let other = 1; other <= this.bounds.mms; other++) {
      for (let s = 0; s < this.bounds.slots; s++) {
        if (linux.memory.frame(linux.mms.pgd[other]!, s) === l3) return other === mm && s === slot;
      }
    }
    return true;
  }

  mmap(vcpu: number, slot: number): boolean {
    const task = this.worker(vcpu);
    if (task < 0 || this.state.runsKthread(vcpu)) return false;
    const { regs, linux } = this.state;
    const mm = linux.tasks.mm[task]!;
    if (regs.access[vcpu] !== 0 || (regs.mapped[mm]! & (1 << slot)) !== 0 || this.state.isRead(mm))
      return false;
    regs.mapped[mm]! |= 1 << slot;
    regs.opsLeft[task]!--;
    return true;
  }

  munmap(vcpu: number, slot: number): boolean {
    const task = this.worker(vcpu);
    if (task < 0 || this.state.runsKthread(vcpu)) return false;
    const { regs, linux, xen } = this.state;
    const mm = linux.tasks.mm[task]!;
    if (regs.access[vcpu] !== 0 || (regs.mapped[mm]! & (1 << slot)) === 0) return false;
    regs.opsLeft[task]!--;
    linux.percpu.in_user[vcpu] = 0;
    xen.syscall(vcpu);
    linux.pud.mm[vcpu] = mm;
    linux.pud.page[vcpu] = slot * P4D_PAGES;
    linux.pud.table[vcpu] = 0;
    linux.gather.mm[vcpu] = mm;
    linux.gather.cleared[vcpu] = 0;
    return this.runner.begin(vcpu, PATH_MUNMAP);
  }

  schedule(vcpu: number, task: number): boolean {
    const { regs, linux, xen } = this.state;
    if (!this.rests(vcpu) || regs.access[vcpu] !== 0 || linux.percpu.current[vcpu] === task) return false;
    const isThread = task >= firstThread(this.bounds) && task < firstKthread(this.bounds);
    if (isThread && linux.tasks.mm[task] === NO_MM) return false; // dead, or not there yet
    if (linux.tasks.on_cpu[task]! >= 0) {
      if (task >= firstThread(this.bounds)) return false;
    } else {
      for (let other = 0; other < this.bounds.vcpus; other++)
        if (regs.path[other] === PATH_SWITCH && linux.regs.next_task[other] === task) return false;
    }
    linux.percpu.in_user[vcpu] = 0;
    xen.interrupt(vcpu);
    clearSwitch(this.state.linux, vcpu);
    linux.regs.next_task[vcpu] = task;
    linux.regs.prev_task[vcpu] = linux.percpu.current[vcpu]!;
    return this.runner.begin(vcpu, PATH_SWITCH);
  }

  /** The kernel thread takes `mm`: as long as it has work to do there. */
  useMm(vcpu: number, mm: number): boolean {
    const { regs, linux } = this.state;
    const task = linux.percpu.current[vcpu]!;
    if (!this.rests(vcpu) || !this.state.runsKthread(vcpu)) return false;
    if (linux.tasks.mm[task] !== NO_MM || regs.opsLeft[task] === 0) return false;
    clearSwitch(this.state.linux, vcpu);
    linux.regs.next_task[vcpu] = task;
    linux.regs.next_mm[vcpu] = mm;
    return this.runner.begin(vcpu, PATH_USE_MM);
  }

  unuseMm(vcpu: number): boolean {
    const { regs, linux } = this.state;
    if (!this.rests(vcpu) || !this.state.runsKthread(vcpu) || regs.access[vcpu] !== 0) return false;
    if (this.state.mmOf(vcpu) === NO_MM) return false;
    clearSwitch(this.state.linux, vcpu);
    linux.regs.next_task[vcpu] = linux.percpu.current[vcpu]!;
    return this.runner.begin(vcpu, PATH_UNUSE_MM);
  }
}

/** Registers of a switch, and of an mm that comes or goes, hold nothing. */
export function clearSwitch({ regs, life }: Linux, vcpu: number): void {
  life.mm[vcpu] = life.pgd[vcpu] = 0;
  life.task[vcpu] = NO_TASK;
  regs.next_mm[vcpu] = NO_MM;
  regs.real_prev[vcpu] = NO_MM;
  regs.prev_mm[vcpu] = NO_MM;
  regs.next_task[vcpu] = NO_TASK;
  regs.prev_task[vcpu] = NO_TASK;
  regs.pgd[vcpu] = 0;
  regs.load_mm[vcpu] = 0;
}
