/**
 * The privileged parts of a task switch: lazy CPU mode, TLS descriptors, segment bases, the kernel stack.
 *
 * The calls between start and end of the switch wait in the buffer and go out together; stack_switch comes
 * after. GS of user mode is an MSR that a PV guest can neither read nor write: with FSGSBASE Linux
 * reads it at each switch (Xen emulates the RDMSR) and writes it (a hypercall), needed or not.
 *
 * Mirrors: xen_load_tls(), xen_load_gs_index(), xen_load_sp0(), xen_end_context_switch(),
 *          arch/x86/xen/enlighten_pv.c; paravirt_start_context_switch(), arch/x86/kernel/paravirt.c;
 *          save_fsgs(), x86_fsgsbase_load(), start_thread_common(), arch/x86/kernel/process_64.c.
 * Differs: one TLS descriptor a task, and none for most (64-bit code keeps TLS in FS). Without FSGSBASE the
 *          FS base of the next task is always set by hypercall, and no base is read.
 */
import {
  push_set_segment_base,
  SEGBASE_FS,
  SEGBASE_GS_USER,
  SEGBASE_GS_USER_SEL,
} from "../../abi/set-segment-base.js";
import type { Linux } from "../linux.js";
import { PARAVIRT_LAZY_CPU, PARAVIRT_LAZY_MMU, PARAVIRT_LAZY_NONE } from "../percpu.js";
import { xen_leave_lazy_mmu } from "./flush-tlb.js";
import {
  MULTI_stack_switch,
  MULTI_update_descriptor,
  xen_mc_batch,
  xen_mc_flush,
  xen_mc_issue,
} from "./multicalls.js";

/** First of the GDT's three TLS entries. Mirrors: GDT_ENTRY_TLS_MIN, arch/x86/include/asm/segment.h. */
const GDT_ENTRY_TLS_MIN = 12;

/** Lazy CPU mode begins; a lazy MMU mode that `prev` is in is put off until it runs again. */
export function paravirt_start_context_switch(k: Linux, cpu: number, prev: number): void {
  if (k.percpu.lazy_mode[cpu] === PARAVIRT_LAZY_MMU) {
    xen_leave_lazy_mmu(k, cpu);
    k.tasks.lazy_mmu[prev] = 1;
  }
  k.percpu.lazy_mode[cpu] = PARAVIRT_LAZY_CPU;
}

/** Issue what the switch has queued; lazy CPU mode ends with leave_lazy_cpu(). */
export function xen_end_context_switch(k: Linux, cpu: number): void {
  xen_mc_flush(k, cpu);
}

/** The rest of xen_end_context_switch(). Mirrors: leave_lazy(), and the restored TIF_LAZY_MMU_UPDATES. */
export function leave_lazy_cpu(k: Linux, cpu: number, next: number): void {
  k.percpu.lazy_mode[cpu] = PARAVIRT_LAZY_NONE;
  if (k.tasks.lazy_mmu[next] === 0) return;
  k.tasks.lazy_mmu[next] = 0;
  k.percpu.lazy_mode[cpu] = PARAVIRT_LAZY_MMU;
}

/** Load `next`'s TLS descriptors where they differ from those in the CPU's GDT. */
export function xen_load_tls(k: Linux, cpu: number, next: number): void {
  const shadow = k.percpu.shadow_tls;
  const tls = k.tasks.tls[next] === 0 ? 0 : next;
  xen_mc_batch(k, cpu);
  if (shadow[cpu] !== tls) {
    shadow[cpu] = tls;
    MULTI_update_descriptor(k, cpu, k.image.gdt[0]! + cpu, GDT_ENTRY_TLS_MIN);
  }
  xen_mc_issue(k, cpu, PARAVIRT_LAZY_CPU);
}

/** The stack for the next entry from user mode. */
export function xen_load_sp0(k: Linux, cpu: number, task: number): void {
  xen_mc_batch(k, cpu);
  MULTI_stack_switch(k, cpu, task);
  xen_mc_issue(k, cpu, PARAVIRT_LAZY_CPU);
}

/**
 * Read the bases of the task that runs: at a switch, and when it is copied.
 * Mirrors: save_fsgs(), current_save_fsgs().
 */
export function save_fsgs(k: Linux, cpu: number): void {
  if (k.config.fsgsbase) k.hv.emulate_privop(cpu);
}

/** Set the bases of `next`. */
export function x86_fsgsbase_load(k: Linux, cpu: number): void {
  set_segment_base(k, cpu, k.config.fsgsbase ? SEGBASE_GS_USER : SEGBASE_FS);
}

/** A task that leaves its mm for good drops its segments. Mirrors: deactivate_mm(), asm/mmu_context.h. */
export function deactivate_mm(k: Linux, cpu: number): void {
  set_segment_base(k, cpu, SEGBASE_GS_USER_SEL);
}

/**
 * A new image starts with empty segment registers. Where loading 0 leaves the base (X86_BUG_NULL_SEG, AMD before
 * Zen 2), GS gets another selector first.
 */
export function start_thread_common(k: Linux, cpu: number): void {
  if (k.config.nullSegBug) set_segment_base(k, cpu, SEGBASE_GS_USER_SEL);
  set_segment_base(k, cpu, SEGBASE_GS_USER_SEL);
}

function set_segment_base(k: Linux, cpu: number, which: number): void {
  const { direct } = k.mc[cpu]!;
  direct.reset();
  push_set_segment_base(direct, which, 0);
  k.hv.hypercall(cpu, direct, 0);
}
